"""A client of the empty database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from jobctl.broker.connect import connect


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    client = connect(redis_url)
    yield client
    await client.aclose()
