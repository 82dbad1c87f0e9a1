"""A pool of warm child processes for isolated jobs: none is forked or started for a job while an idle one is left."""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from jobctl.compiler.plan import Registration
from jobctl.durations import format_duration
from jobctl.spec.model import Hooks
from jobctl.worker.ending import TimedOut
from jobctl.worker.isolation.messages import Done, Failed, Setup
from jobctl.worker.isolation.process import ChildProcess
from jobctl.worker.tracebacks import last_line

log = logging.getLogger(__name__)

KILL_AFTER_S = 2.0  # from SIGTERM to SIGKILL: `finally` blocks may close a file, not finish the work
HURRY_S = 0.5  # the same when the worker stops: its jobs have had the grace by then
CLOSE_S = 5.0  # for the shutdown hook of an idle child
IDLE_S = 60.0  # a child that was idle for so long is one more than is needed
SPARE = 1  # idle children kept whatever the load, so that a lone job never waits for an import


class ProcessPool:
    """Up to ``size`` children. All state belongs to the event loop.

    Args:
        registrations: the jobs that run in them.
        hooks: the plan's.
        size: most children, the worker's concurrency: a job that was claimed never waits for another's child.
        is_stopping: whether the worker stops; what is killed then has had its grace.
    """

    def __init__(
        self, registrations: Iterable[Registration], hooks: Hooks, size: int, is_stopping: Callable[[], bool]
    ) -> None:
        self.size = size
        self._is_stopping = is_stopping
        self._registrations = tuple(registrations)
        self._hooks = hooks
        self._setup = b""
        self._children: set[ChildProcess] = set()
        self._idle: list[ChildProcess] = []
        self._starting: set[asyncio.Future[ChildProcess]] = set()
        self._waiters: deque[asyncio.Future[ChildProcess]] = deque()
        self._ending: set[asyncio.Task[None]] = set()
        self._trimmer: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def open(self) -> None:
        """Start the first child.

        Raises:
            ProcessNotStarted: it does not come up; no other would.
        """
        setup = Setup(
            registrations=self._registrations,
            hooks=self._hooks,
            path=tuple(sys.path),
            log_level=logging.getLogger().getEffectiveLevel(),
        )
        self._setup = pickle.dumps(setup)
        child = await ChildProcess.start(self._setup)
        self._children.add(child)
        self._release(child)

    async def run(self, context: Any, *, raw: bytes, timeout_s: float, heartbeat_s: float) -> Done | Failed:
        """Run a job in a child; times count from when the child has it.

        When this is cancelled, or a time is up, the child is killed, and has ended before this does.

        Args:
            context: gets the progress and the heartbeats of the handler.
            raw: the job's record.
            timeout_s: longest run, seconds; 0 = no limit.
            heartbeat_s: longest silence, seconds; 0 = no limit.

        Raises:
            TimedOut: a time was up.
            ProcessDied: the child ended under the job.
            ProcessNotStarted: there is no child for it.
        """
        child = await self._take()
        loop = asyncio.get_running_loop()
        silence = asyncio.timeout(heartbeat_s or None)

        def on_beat() -> None:
            if heartbeat_s and not silence.expired():
                silence.reschedule(loop.time() + heartbeat_s)

        whole = asyncio.timeout(timeout_s or None)
        try:
            async with whole, silence:
                try:
                    return await child.run(raw, context, on_beat)
                except asyncio.CancelledError:
                    await self._kill(child)
                    raise
        except TimeoutError:
            if silence.expired():
                raise TimedOut(f"no heartbeat for {format_duration(heartbeat_s)}") from None
            raise TimedOut(f"timed out after {format_duration(timeout_s)}") from None
        finally:
            self._release(child)

    async def close(self) -> None:
        """End all children: the idle ones by themselves, the others at once."""
        self._is_closed = True
        if self._trimmer is not None:
            self._trimmer.cancel()
        for starting in self._starting:
            starting.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        idle, self._idle = self._idle, []
        for child in idle:
            self._end(child, child.close(CLOSE_S))
        for child in [child for child in self._children if not child.is_doomed]:
            self._end(child, child.kill(HURRY_S))
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _take(self) -> ChildProcess:
        while self._idle:
            child = self._idle.pop()
            if not child.ended.is_set():
                self._grow()
                return child
            log.warning("an idle process for isolated jobs has ended", extra={"child_pid": child.pid})
            self._children.discard(child)
        waiter: asyncio.Future[ChildProcess] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._grow()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._release(waiter.result())
            raise

    def _release(self, child: ChildProcess) -> None:
        """Take a child back after its job: it serves the next, or has ended and is replaced."""
        if child.is_doomed:
            return  # `_end` sees to it
        if child.ended.is_set():
            self._children.discard(child)
            self._grow()
            return
        if (waiter := self._next_waiter()) is not None:
            waiter.set_result(child)
            return
        child.idle_since = asyncio.get_running_loop().time()
        self._idle.append(child)
        if self._trimmer is None and not self._is_closed and len(self._idle) > SPARE:
            self._trimmer = asyncio.get_running_loop().call_later(IDLE_S, self._trim)

    def _next_waiter(self) -> asyncio.Future[ChildProcess] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _grow(self) -> None:
        """Start what is missing: a child for each job that waits, and a spare."""
        if self._is_closed:
            return
        waiting = sum(not waiter.done() for waiter in self._waiters)
        missing = waiting + SPARE - len(self._idle) - len(self._starting)
        for _ in range(min(missing, self.size - len(self._children) - len(self._starting))):
            starting = asyncio.ensure_future(ChildProcess.start(self._setup))
            self._starting.add(starting)
            starting.add_done_callback(self._on_start)

    def _on_start(self, starting: asyncio.Future[ChildProcess]) -> None:
        self._starting.discard(starting)
        if starting.cancelled():
            return
        error = starting.exception()
        if error is None:
            self._children.add(starting.result())
            self._release(starting.result())
            return
        log.warning("a process for isolated jobs did not start", extra={"error": last_line(str(error))})
        if (waiter := self._next_waiter()) is not None:
            waiter.set_exception(error)

    async def _kill(self, child: ChildProcess) -> None:
        """Kill a child and wait for its end, also when cancelled again: until then its job's slot is not free."""
        killing = self._end(child, child.kill(HURRY_S if self._is_stopping() else KILL_AFTER_S))
        while not killing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(killing)

    def _end(self, child: ChildProcess, ending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def end() -> None:
            try:
                await ending
            finally:
                self._children.discard(child)
                self._grow()

        child.is_doomed = True
        task = asyncio.ensure_future(end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    def _trim(self) -> None:
        """Close children that nobody has needed for a while."""
        self._trimmer = None
        loop = asyncio.get_running_loop()
        while len(self._idle) > SPARE:
            oldest = self._idle[0]
            left_s = oldest.idle_since + IDLE_S - loop.time()
            if left_s > 0:
                self._trimmer = loop.call_later(left_s, self._trim)
                return
            self._idle.remove(oldest)
            self._end(oldest, oldest.close(CLOSE_S))
