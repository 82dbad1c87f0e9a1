"""`jobctl run --watch` as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
DEADLINE_S = 30


class Running:
    """A worker whose log is read line by line."""

    def __init__(self, project: Path, url: str, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobctl_cli", "run", "--watch", "--log-format", "human", *args],
            cwd=project,
            env={**os.environ, "REDIS_URL": url, "NO_COLOR": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.seen: list[str] = []
        signal.signal(signal.SIGALRM, self._late)

    def until(self, text: str) -> str:
        """Read the log up to a line with a text."""
        signal.alarm(DEADLINE_S)
        try:
            for line in self.process.stderr:
                self.seen.append(line)
                if text in line:
                    return line
        finally:
            signal.alarm(0)
        raise AssertionError(f"the worker ended without `{text}`:\n{''.join(self.seen)}")

    def _late(self, *_: object) -> None:
        raise AssertionError("too late:\n" + "".join(self.seen))


@pytest.fixture
def running(project: Path, redis_url: str) -> Iterator[Running]:
    found = Running(project, redis_url)
    yield found
    found.process.kill()
    found.process.wait()
    found.process.stderr.close()


def test_changed_spec_is_applied_and_a_broken_one_refused(jobctl, running: Running, project: Path) -> None:
    running.until("worker started")
    spec = project / "jobspecs/more.yaml"

    spec.write_text("version: 1\njobs:\n  more:\n    handler: cli_more:mroe\n")
    (project / "cli_more.py").write_text("def more(ctx):\n    return 'more'\n")
    running.until("spec refused; going on with the one before")
    running.until("hint: did you mean `more`?")
    assert jobctl("enqueue", "sync", "--id", "1", "--wait").exit_code == 0

    spec.write_text("version: 1\njobs:\n  more:\n    handler: cli_more:more\n    summary: Right\n")
    assert "job more" in running.until("spec applied")
    out = jobctl("enqueue", "more", "--wait", "-o", "json")
    assert out.exit_code == 0, out.stderr
    assert jobctl("spec", "plan").exit_code == 0

    running.process.send_signal(signal.SIGTERM)
    running.until("worker stopped")
    assert running.process.wait(DEADLINE_S) == 0
