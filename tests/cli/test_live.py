"""`jobctl top` on a real terminal: a pseudo-terminal, keys included."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DEADLINE_S = 20.0


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *args: str, **variables: str) -> None:
        self.keyboard, screen = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobctl_cli", *args],
            stdin=screen,
            stdout=screen,
            stderr=screen,
            env={**os.environ, "COLUMNS": "80", "LINES": "24", "TERM": "xterm", **variables},
            start_new_session=True,
        )
        os.close(screen)
        self.shown = b""

    def wait_for(self, text: str) -> None:
        """Read until the text has been shown."""
        deadline = time.monotonic() + DEADLINE_S
        while text.encode() not in self.shown:
            ready, _, _ = select.select([self.keyboard], [], [], max(deadline - time.monotonic(), 0))
            assert ready, self.shown.decode(errors="replace")
            self.shown += os.read(self.keyboard, 65_536)

    def press(self, keys: str) -> None:
        os.write(self.keyboard, keys.encode())

    def end(self) -> int:
        """Return the exit code, reading on meanwhile, so that the program is not held up by a full terminal."""
        while True:
            try:
                if not os.read(self.keyboard, 65_536):
                    break
            except OSError:
                break
        return self.process.wait(timeout=DEADLINE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.keyboard)


@pytest.fixture
def terminal(project: Path, redis_url: str) -> Iterator[Terminal]:
    opened = Terminal("top", "--interval", "200ms", REDIS_URL=redis_url, NO_COLOR="1")
    yield opened
    opened.close()


def test_q_leaves(terminal: Terminal) -> None:
    terminal.wait_for("no failures")

    terminal.press("q")

    assert terminal.end() == 0


def test_interruption_is_a_way_to_leave(terminal: Terminal) -> None:
    terminal.wait_for("no failures")

    terminal.process.send_signal(signal.SIGINT)

    assert terminal.end() == 0


def test_new_numbers_appear(terminal: Terminal, jobctl) -> None:
    terminal.wait_for("no failures")

    for _ in range(77):
        jobctl("enqueue", "boom")

    terminal.wait_for("  77 ")
    terminal.press("q")
    assert terminal.end() == 0


def test_without_broker_it_is_one_error(project: Path) -> None:
    terminal = Terminal("top", REDIS_URL="redis://localhost:1", NO_COLOR="1")
    try:
        terminal.wait_for("hint: ")
        assert terminal.end() == 4
    finally:
        terminal.close()
