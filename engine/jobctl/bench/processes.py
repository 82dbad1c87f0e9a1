"""The processes of a load test: started with an order, awaited, ended, whatever happens."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

from jobctl.bench.order import READY, Order
from jobctl.errors import JobctlError

MODULES = {"jobctl": "jobctl.bench.subjects.ours", "saq": "jobctl.bench.subjects.stock"}
"""The sides, and the module that each runs as a process."""
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
LAST_WORDS = 2_000  # characters


class SubjectFailed(JobctlError):
    """A worker or producer of a load test ended when it should not have."""

    code = "bench.subject"


class Process:
    """One subject's process.

    Args:
        side: one of MODULES.
        order: what it does; the journal's path is given to it here.
        folder: for its journal and what it says on standard error.
        name: of these files.
    """

    def __init__(self, side: str, order: Order, folder: Path, name: str) -> None:
        self.journal = Path(order.journal)
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C is for us, who then stop the subjects in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", MODULES[side]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(order.to_line().encode())
        self._process.stdin.flush()  # and stays open: its end is the end of this process

    def wait_ready(self) -> str:
        """Wait until it serves, and return the id under which it does; "" = stock SAQ's.

        Raises:
            SubjectFailed: it ended instead, or took too long.
        """
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(START_TIMEOUT_S):
                raise SubjectFailed(f"a worker did not serve within {START_TIMEOUT_S:g} s: {self._last_words()}")
        word, _, worker_id = self._process.stdout.readline().decode().strip().partition(" ")
        if word != READY:
            self._process.wait(STOP_TIMEOUT_S)
            raise SubjectFailed(f"a worker did not start: {self._last_words()}")
        return worker_id

    def is_running(self) -> bool:
        """Return whether it still runs.

        Raises:
            SubjectFailed: it has ended with an error.
        """
        status = self._process.poll()
        if status:
            raise SubjectFailed(f"a process of the load test ended with exit code {status}: {self._last_words()}")
        return status is None

    def end(self) -> None:
        """Ask it to stop, and see to it that it does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < deadline_s:
            time.sleep(0.01)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _last_words(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return text[-LAST_WORDS:] or "it said nothing"
