"""`jobctl run` with faults around its handlers: ``python -m jobctl.testing.hosted FOLDER ARGUMENTS...``.

The folder holds what goes wrong (`FAULTS`, read again when it changes), and gets the journal of what the handlers did
(`JOURNAL`). Everything else is the command itself, in its own process.
"""

from __future__ import annotations

import os
import pickle
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

from jobctl.compiler.handlers import Handler
from jobctl.compiler.plan import Registration
from jobctl.testing.faults import FaultyCallee, Play, Strike, time_out
from jobctl.testing.journal import DONE, START, Journal
from jobctl.worker import worker
from jobctl.worker.callees import HandlerCallee
from jobctl.worker.execution import Execution

FAULTS = "faults.pickle"
JOURNAL = "journal.ndjson"


class ProcessStage:
    """The process it runs in, to be harmed."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder / JOURNAL)
        self.executions: list[Execution] = []

    def die(self) -> None:
        """Kill this process."""
        os.kill(os.getpid(), signal.SIGKILL)

    def time_out(self, key: str, limit_s: float) -> None:
        """Say that a job's time is up."""
        for execution in self.executions:
            time_out(execution, key, limit_s)

    def began(self, key: str) -> None:
        """Note that a handler begins."""
        self._journal.write(START, key)

    def did(self, key: str) -> None:
        """Note that a handler has done all it does."""
        self._journal.write(DONE, key)


class FiledPlay(Play):
    """The faults that stand in a file."""

    def __init__(self, stage: ProcessStage, folder: Path) -> None:
        super().__init__([], stage, folder)
        self._file = folder / FAULTS
        self._read_ns = 0

    def due(self, registration: Registration, attempt: int) -> list[Strike]:
        """Return the faults that one delivery may meet."""
        written_ns = self._file.stat().st_mtime_ns
        if written_ns != self._read_ns:
            self.faults = pickle.loads(self._file.read_bytes())  # noqa: S301 - written by the test that started us
            self._read_ns = written_ns
        return super().due(registration, attempt)


def host(folder: Path) -> None:
    """Put the faults around the handlers of all workers of this process."""
    stage = ProcessStage(folder)
    play = FiledPlay(stage, folder)

    class StagedExecution(Execution):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            stage.executions.append(self)

    def callee(handler: Handler, state: dict[str, Any]) -> FaultyCallee:
        return FaultyCallee(HandlerCallee(handler, state), play)

    vars(worker).update(Execution=StagedExecution, HandlerCallee=callee)


if __name__ == "__main__":
    host(Path(sys.argv[1]))
    sys.argv[1:2] = []
    runpy.run_module("jobctl_cli", run_name="__main__", alter_sys=True)
