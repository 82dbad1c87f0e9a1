"""A worker that has a supervisor: the child's end of the line between the two.

The line is a socket the supervisor passes on when it starts the worker, named in the variable `JOBCTL_CHILD`. Words
go over it, a line each: the worker says ``ready``, and ``successor REASON`` when it has reached a limit; the supervisor
says ``retire``, once that successor is ready. The kernel closes it when the supervisor ends, however that happens, and
then the worker ends too (SAQ hazard F5: orphans). Linux could signal the worker instead (PR_SET_PDEATHSIG), but does
so once for each thread its parent had, and a second SIGTERM means "at once".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobctl.worker.memory import rss_bytes
from jobctl.worker.tasks import end_tasks

if TYPE_CHECKING:
    from jobctl.worker.worker import Worker

log = logging.getLogger(__name__)

VARIABLE = "JOBCTL_CHILD"
READY, SUCCESSOR, RETIRE = "ready", "successor", "retire"
DISMISSED = 8
"""Exit code of a worker that an operator told to stop: no other is to take its place."""
CHECK_PERIOD_S = 1.0  # of the limits
# An orphan ends before a lease has: nobody starts it anew, and its host may be going down.
ORPHAN_GRACE_S = 10.0
ORPHAN_LAST_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a worker has done enough and is replaced by a fresh one; looked at once a second.

    Attributes:
        jobs: jobs it has ended (count); None = no limit.
        memory: resident bytes of its process, without those of the children of isolated jobs. None = no limit.
    """

    jobs: int | None = None
    memory: int | None = None

    def reached(self, jobs: int, rss: Callable[[], int] = rss_bytes) -> str | None:
        """Return which limit has been reached, in words, or None.

        Example:
            >>> Limits(jobs=100).reached(120)
            '120 jobs'
        """
        if self.jobs is not None and jobs >= self.jobs:
            return f"{jobs} jobs"
        if self.memory is not None and (used := rss()) >= self.memory:
            return f"{used / 2**20:.0f} MiB"
        return None


class Line:
    """The line to the supervisor.

    Attributes:
        number: of the child, from 1; a successor has that of the one it replaces.
        is_scheduling: whether this child fires the schedules.
    """

    def __init__(self, link: socket.socket, number: int, *, is_scheduling: bool) -> None:
        self.number = number
        self.is_scheduling = is_scheduling
        self._link = link
        self._on_retire: Callable[[], None] | None = None

    @classmethod
    def take(cls, variables: MutableMapping[str, str]) -> Line | None:
        """Return the line a supervisor has left in the environment, or None if there is no supervisor.

        The variable is taken away: what this process starts is not the supervisor's child.
        """
        text = variables.pop(VARIABLE, None)
        if text is None:
            return None
        number, fd, is_scheduling = (int(part) for part in text.split(":"))
        link = socket.socket(fileno=fd)
        link.set_inheritable(False)
        return cls(link, number, is_scheduling=bool(is_scheduling))

    def hold(self) -> None:
        """Begin to listen, in a thread: end with the supervisor, whatever the event loop is doing."""
        threading.Thread(target=self._listen, name="jobctl-line", daemon=True).start()

    def say(self, words: str) -> None:
        """Tell the supervisor. Without one, `hold` sees to the rest."""
        with contextlib.suppress(OSError):
            self._link.sendall(f"{words}\n".encode())

    def on_retire(self, function: Callable[[], None]) -> None:
        """Call a function, in another thread, when the supervisor wants this child to end."""
        self._on_retire = function

    def _listen(self) -> None:
        with contextlib.suppress(OSError), self._link.makefile("r") as words:
            for word in words:
                if word.strip() == RETIRE and self._on_retire is not None:
                    self._on_retire()
        log.warning("the supervisor has ended; so does this worker")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_GRACE_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_LAST_S)
        os.kill(os.getpid(), signal.SIGKILL)


async def run_supervised(worker: Worker, line: Line, limits: Limits) -> int:
    """Run a worker, tell its supervisor how it gets on, and end when that says so; return the exit code.

    It is `DISMISSED` where an operator told this worker to stop.
    """
    loop = asyncio.get_running_loop()

    def retire() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the worker has ended already
            loop.call_soon_threadsafe(worker.request_stop)

    line.on_retire(retire)
    telling = asyncio.ensure_future(_tell(worker, line, limits))
    try:
        code = await worker.run()
    finally:
        await end_tasks([telling])
    return code or (DISMISSED if worker.orders.is_dismissed else 0)


async def _tell(worker: Worker, line: Line, limits: Limits) -> None:
    await worker.started.wait()
    line.say(READY)
    while (reason := limits.reached(worker.processed)) is None:  # noqa: ASYNC110 - memory grows without a word
        await asyncio.sleep(CHECK_PERIOD_S)
    log.info("this worker has reached its limit", extra={"reached": reason})
    line.say(f"{SUCCESSOR} {reason}")
