"""Fixtures shared by all tests: a real embedded server a session, a clean database a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import settings

from jobctl.broker.embedded import embedded_broker

# An example that takes long says something of the machine, not of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real server that lives as long as the test session."""
    home: Path = tmp_path_factory.mktemp("broker")
    with embedded_broker(home) as url:
        yield url


@pytest.fixture
def redis_url(broker_url: str) -> str:
    """The URL of an empty database."""
    with redis.Redis.from_url(broker_url) as server:
        server.flushall()
        server.script_flush()
    return broker_url


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    """A blocking client of the empty database, for looking at raw keys."""
    with redis.Redis.from_url(redis_url) as client:
        yield client
