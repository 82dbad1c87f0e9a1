"""A real `jobctl run`, its log, and the ways to hurt it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

APP = Path(__file__).parent / "app"


class WorkerProcess:
    """One `jobctl run`, its log, and the ways to hurt it."""

    def __init__(self, log: Path, env: dict[str, str], arguments: Iterable[str]) -> None:
        self._log = log
        command = [sys.executable, "-m", "jobctl_cli", "run", "--spec", "jobs.yaml", "--log-format", "json", *arguments]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, cwd=APP, env=env, stdin=subprocess.DEVNULL, stderr=output)
        self.pid = self.process.pid

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """Return the log lines, or those with one message."""
        # the last line may be half written, and the last words of a crash are no JSON
        found = []
        for text in self._log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                if message in ("", line["message"]):
                    found.append(line)
        return found

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, message: str, times: int = 1) -> list[dict[str, Any]]:
        """Wait until the log says something."""
        wait_until(lambda: len(self.lines(message)) >= times or self.process.poll() is not None)
        lines = self.lines(message)
        assert len(lines) >= times, f"the worker did not say `{message}`:\n{self.log_text()}"
        return lines

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> float:
        """SIGKILL; return the time of death."""
        self.process.kill()
        self.process.wait()
        return time.time()

    def wait(self, seconds: float = 30.0) -> int:
        """Wait for the end; return the exit code."""
        return self.process.wait(seconds)

    def cpu_s(self) -> float:
        """Return the CPU time it has used, user and system, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.send_signal(signal.SIGCONT)
            self.process.wait()
