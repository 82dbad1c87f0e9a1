"""A pool of daemon threads for plain (not async) handlers.

The standard pool joins its threads when the interpreter exits, so one hung handler would hold the process for ever
(SAQ hazard C9). These threads die with the process; their jobs are handed back before that.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any

_Call = tuple[Callable[[], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]


class DaemonThreads:
    """Up to ``size`` threads, started when first needed.

    ``size`` is the worker's concurrency, so a job that was claimed never waits for a thread (SAQ hazard C6).
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._guard = threading.Lock()

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Future[Any]:
        """Run a function in a thread, in a copy of the caller's context; the future belongs to the running loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        context = contextvars.copy_context()
        with self._guard:
            start = self._idle <= self._calls.qsize() and len(self._threads) < self.size
        self._calls.put((lambda: context.run(function, *args, **kwargs), future, loop))
        if start:
            thread = threading.Thread(target=self._work, name=f"jobctl-handler-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """Let idle threads end; busy ones end with their call, or with the process."""
        for _ in self._threads:
            self._calls.put(None)

    def _work(self) -> None:
        while True:
            with self._guard:
                self._idle += 1
            call = self._calls.get()
            with self._guard:
                self._idle -= 1
            if call is None:
                return
            function, future, loop = call
            try:
                result, error = function(), None
            except BaseException as caught:
                result, error = None, caught
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:
                return  # the loop is closed: the process is ending, the job was handed back


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
