"""`jobctl top` on a real terminal: a pseudo-terminal of 80 x 24, keys included."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobctl.testing.servers import PrivateServer

DEADLINE_S = 20.0


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *args: str, **variables: str) -> None:
        self.keyboard, screen = pty.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobctl_cli", *args],
            stdin=screen,
            stdout=screen,
            stderr=screen,
            env={**os.environ, "TERM": "xterm-256color", **variables},
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
                if not (read := os.read(self.keyboard, 65_536)):
                    break
                self.shown += read
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


def test_q_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.keyboard)
    terminal.wait_for("critical")

    terminal.press("q")

    assert terminal.end() == 0
    assert termios.tcgetattr(terminal.keyboard) == before
    assert b"\x1b[?1049l" in terminal.shown  # the other screen is left
    assert b"\x1b[?25h" in terminal.shown  # the cursor is back


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_ways_to_leave(terminal: Terminal, number: signal.Signals) -> None:
    terminal.wait_for("critical")

    terminal.process.send_signal(number)

    assert terminal.end() == 0


def test_interruption_from_the_keyboard_is_a_way_to_leave(terminal: Terminal) -> None:
    terminal.wait_for("critical")

    terminal.press("\x03")

    assert terminal.end() == 0


def test_without_colours_only_the_cursor_is_reversed(terminal: Terminal) -> None:
    terminal.wait_for("quit")

    terminal.press("q")

    assert terminal.end() == 0
    codes = {code for codes in re.findall(rb"\x1b\[([\d;]*)m", terminal.shown) for code in codes.split(b";")}
    assert b"7" in codes
    assert codes.isdisjoint({b"38", b"48", *(str(code).encode() for code in (*range(30, 38), *range(40, 48)))})


def test_new_numbers_appear(terminal: Terminal, jobctl) -> None:
    terminal.wait_for("critical")

    jobctl("enqueue", "--file", "-", stdin='{"job": "boom"}\n' * 77)

    terminal.wait_for("77")
    terminal.press("q")
    assert terminal.end() == 0


def test_a_restart_of_the_broker_is_told_of_and_survived(project: Path, tmp_path: Path) -> None:
    with PrivateServer(tmp_path / "server") as server:
        terminal = Terminal("top", "--interval", "200ms", REDIS_URL=server.url, NO_COLOR="1")
        try:
            terminal.wait_for("critical")
            server.kill()
            terminal.wait_for("no broker answers")
            server.start()
            terminal.wait_for("the broker answers again")
            terminal.press("q")
            assert terminal.end() == 0
        finally:
            terminal.close()


def test_without_broker_it_is_one_error(project: Path) -> None:
    terminal = Terminal("top", REDIS_URL="redis://localhost:1", NO_COLOR="1")
    try:
        terminal.wait_for("hint: ")
        assert terminal.end() == 4
    finally:
        terminal.close()


def test_a_dumb_terminal_gets_one_frame(project: Path, redis_url: str) -> None:
    terminal = Terminal("top", REDIS_URL=redis_url, TERM="dumb")
    try:
        assert terminal.end() == 0
        assert b"no worker runs" in terminal.shown
        assert b"\x1b" not in terminal.shown
    finally:
        terminal.close()
