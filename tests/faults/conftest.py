"""Faults: a server to break, real `jobctl run` processes to kill, books that are closed at the end.

`make test` plays every fault in a short form. `make chaos` plays the long one and ends with a table of what was
measured; it sets ``JOBCTL_CHAOS`` to the file for the raw results.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.faults.stage import Stage
from tests.faults.table import Report, Result, lines_of, write_raw

from jobctl.testing.servers import PrivateServer

REPORT = pytest.StashKey[list[Result]]()


@dataclass(frozen=True, slots=True)
class Form:
    """Short in CI, long for `make chaos`.

    Attributes:
        slack_s: added to the bounds on time. A CI machine may be busy with anything; `make chaos` wants a quiet one.
    """

    is_long: bool

    @property
    def slack_s(self) -> float:
        return 0.0 if self.is_long else 4.0

    def pick(self, short: Any, long: Any) -> Any:
        return long if self.is_long else short


@pytest.fixture(scope="session")
def form() -> Form:
    return Form(is_long=bool(os.environ.get("JOBCTL_CHAOS")))


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    return Report(pytestconfig.stash.setdefault(REPORT, []))


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateServer]:
    """A server that outlives the tests that do it no harm."""
    with PrivateServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def stage(tmp_path: Path, shared_server: PrivateServer) -> Iterator[Stage]:
    """A stage on an empty, healthy server."""
    shared_server.ask("FLUSHALL")
    stage = Stage(tmp_path, shared_server)
    yield stage
    stage.close()


@pytest.fixture
def frail_stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage on a server of its own, to be broken."""
    with PrivateServer(tmp_path / "server") as server:
        stage = Stage(tmp_path, server)
        yield stage
        stage.close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """End the long form with its table, and write the raw results."""
    target, rows = os.environ.get("JOBCTL_CHAOS"), config.stash.get(REPORT, [])
    if not target or not rows:
        return
    terminalreporter.section("chaos")
    for line in lines_of(rows):
        terminalreporter.write_line(line)
    write_raw(rows, Path(target))
