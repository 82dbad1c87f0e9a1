"""Dying with one's parent: a child must not go on when nobody waits for it any more.

Three ways, as the child allows: the kernel's (Linux), the end of the child's standard input, and, for a program that
is not ours, a guard beside it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
GUARD = 'read -r _ || "$@"'  # a line never comes: `read` fails when whoever holds the other end is gone
PARENT_LEAVES_S = 3.0  # from the end of the pipe; one that only closed it is not waited for any longer
WRITERS_END_S = 3  # until what else writes to a dead process's folder has ended as well


def die_with_parent(parent: int, number: int) -> bool:
    """Ask the kernel to signal this process when its parent ends, however it ends, and whatever it is doing itself.

    Linux only; elsewhere the caller has to notice it by the end of a pipe or socket. The signal may come several
    times, once for each thread of the parent, and comes as soon as the thread ends that started this process.

    Args:
        parent: process id of the parent.
        number: of the signal to get.

    Returns:
        whether the kernel will do it.

    Raises:
        SystemExit: the parent has ended already.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    is_set: bool = ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) == 0
    if os.getppid() != parent:  # it ended before the call, and nobody will tell us
        raise SystemExit(1)
    return is_set


def end_with_input() -> None:
    """Have this process get SIGTERM when its standard input ends: whoever holds the other end of that pipe is gone."""
    threading.Thread(target=_await_end_of_input, args=[os.getppid()], name="lifeline", daemon=True).start()


def _await_end_of_input(parent: int) -> None:
    while os.read(0, 512):
        pass
    # A process that is killed lets go of its files one by one, and is another's turn in between on a busy machine: a
    # child that is told too soon would find a lock of its dead parent still held.
    deadline_s = time.monotonic() + PARENT_LEAVES_S
    while os.getppid() == parent and time.monotonic() < deadline_s:
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGTERM)


class Guard:
    """Runs a command when this process ends without having dismissed it, however it ends: SIGKILL included.

    A shell waits for the end of a pipe whose other end only this process holds; so it works on Linux and macOS, for
    programs that know nothing of it, and from any thread. A child that is forked without exec holds that end as well.

    Args:
        command: with its arguments, as for `execvp`; the shell's own, such as `kill`, come first.
    """

    def __init__(self, *command: str) -> None:
        # A session of its own: no Ctrl-C, and no signal to our group, reaches it.
        self._process = subprocess.Popen(  # noqa: S603 - a constant script; the command is its arguments
            ["/bin/sh", "-c", GUARD, "guard", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Let the command never be run."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """Make a temporary folder for as long as the context lasts. It goes even if this process is killed."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        guard = Guard("sh", "-c", f'sleep {WRITERS_END_S}; exec rm -rf -- "$1"', "sh", folder)
        try:
            yield Path(folder)
        finally:
            guard.dismiss()
