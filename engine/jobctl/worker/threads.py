"""A pool of daemon threads for plain (not async) handlers.

The standard pool joins its threads when the interpreter exits, so one hung handler would hold the process for ever
(SAQ hazard C9). These threads die with the process; their jobs are handed back before that.

A submitted call wakes one thread at most, and a thread that takes a call while others wait wakes the next before it
begins. So calls that block run beside each other at once, as many as there are, and for quick ones, which are over
before a second thread has woken, one thread takes all. Besides the time this saves, each thread that works keeps memory
of its own (glibc: up to 200 kB of freed blocks); therefore the one that fell idle last is woken first, and one that
nobody needs for a while ends.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

IDLE_S = 30.0  # after so long without a call a thread ends

_Call = tuple[Callable[[], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]


class DaemonThreads:
    """Up to ``size`` threads, started when needed.

    ``size`` is the worker's concurrency, so a job that was claimed never waits for a thread (SAQ hazard C6).

    Attributes:
        size: the most threads there may be.
        count: how many there are.
    """

    def __init__(self, size: int, *, idle_s: float = IDLE_S) -> None:
        self.size = size
        self.count = 0
        self._idle_s = idle_s
        self._calls: deque[_Call] = deque()
        self._idle: list[threading.Lock] = []  # what each idle thread waits for; who came last is woken first
        self._is_coming = False  # a thread was woken, or is being started, and has not looked for a call yet
        self._is_closed = False
        self._guard = threading.Lock()

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        """Run a function in a thread, in a copy of the caller's context; the future belongs to the running loop.

        Raises:
            RuntimeError: the system gives no thread, and the pool has none.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()
        with self._guard:
            self._calls.append((lambda: context.run(function, *args, **kwargs), future, loop))
            try:
                self._wake_one()
            except RuntimeError:  # the system has no thread to give, and there is none that could take the call
                self._calls.pop()
                raise
        return future

    def close(self) -> None:
        """Let idle threads end; busy ones end with their call, or with the process."""
        with self._guard:
            self._is_closed = True
            while self._idle:
                self._idle.pop().release()

    def _wake_one(self) -> None:
        """See to it that a thread comes for the calls that wait; the guard is held."""
        if self._is_coming or not self._calls:
            return
        if self._idle:
            self._idle.pop().release()
        elif self.count < self.size:
            try:
                threading.Thread(target=self._work, name=f"jobctl-handler-{self.count}", daemon=True).start()
            except RuntimeError:
                if not self.count:
                    raise
                return  # the calls wait for those there are
            self.count += 1
        else:
            return  # one is just done with its call, and comes to look for the next
        self._is_coming = True

    def _work(self) -> None:
        woken = threading.Lock()
        woken.acquire()
        call = self._next(woken, is_woken=True)
        while call is not None:
            function, future, loop = call
            try:
                result, error = function(), None
            except BaseException as caught:
                result, error = None, caught
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:
                self.close()  # the loop is closed: the process is ending, the job was handed back
            del call, function, future, loop, result, error  # nothing of a job outlives it in an idle thread
            call = self._next(woken)

    def _next(self, woken: threading.Lock, *, is_woken: bool = False) -> _Call | None:
        """Return the next call, after a wait for one; None = end."""
        while True:
            with self._guard:
                if is_woken:
                    self._is_coming = False
                if self._calls:
                    call = self._calls.popleft()
                    self._wake_one()
                    return call
                if self._is_closed:
                    self.count -= 1
                    return None
                self._idle.append(woken)
            is_woken = woken.acquire(timeout=self._idle_s)
            if is_woken:
                continue
            with self._guard:
                if woken in self._idle:
                    self._idle.remove(woken)
                    self.count -= 1
                    return None
            is_woken = woken.acquire()  # somebody has woken it in this very moment


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):
        # a future cannot carry one
        future.set_exception(RuntimeError(f"handler raised StopIteration: {error}"))
    else:
        future.set_exception(error)
