"""Handlers as coroutines: met wherever they wait, and ended there as by the death of their worker."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from typing import Any

from jobctl.worker.tasks import end_tasks


class WorkerLost(BaseException):
    """What ends a handler in the test's own process when its worker is killed. Nothing is told to the broker."""


class AtWaits:
    """Awaits a coroutine, and calls a function whenever it waits.

    Args:
        coroutine: what is awaited.
        meet: called with n when it waits for the n-th time, from 1, and with 0 before it goes on. When it returns True
            the worker is lost there: `WorkerLost` is raised inside the coroutine. Its ``with`` and ``finally`` blocks
            are left, as a database rolls back what a dead client had begun; nothing else of it runs.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], meet: Callable[[int], bool]) -> None:
        self._coroutine = coroutine
        self._meet = meet

    def __await__(self) -> Generator[Any, Any, Any]:
        waits = 0
        send: Any = None
        thrown: BaseException | None = None
        while True:
            if self._meet(0):
                thrown = WorkerLost()
                drop_given(self._coroutine)
            try:
                yielded = self._coroutine.send(send) if thrown is None else self._coroutine.throw(thrown)
            except StopIteration as stop:
                return stop.value
            waits += 1
            send, thrown = None, None
            if self._meet(waits):
                thrown = WorkerLost()
                continue
            try:
                send = yield yielded
            except BaseException as error:
                thrown = error


def drop(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Close a coroutine that nobody will go on with."""
    drop_given(coroutine)
    coroutine.close()


def drop_given(coroutine: Any) -> None:
    """Close the coroutines that one which has not begun was given to await, and now never will.

    Python warns of a coroutine that nobody has awaited. A task that is ended before its first step leaves none itself,
    but what it was to run (libraries wrap coroutines in others before they make tasks of them) would be left.
    """
    if _has_not_begun(coroutine):
        for value in inspect.getcoroutinelocals(coroutine).values():
            for held in (value, *_parts(value)):
                if _has_not_begun(held):
                    drop(held)


def _has_not_begun(value: Any) -> bool:
    return inspect.iscoroutine(value) and inspect.getcoroutinestate(value) == inspect.CORO_CREATED


def _parts(value: Any) -> Iterator[Any]:
    """Yield the items of a container, the attributes of an object."""
    for part in gc.get_referents(value):
        yield part
        if type(part) is dict:
            yield from part.values()


async def lose_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End the tasks of a worker that is no more; those that have not begun never do."""
    lost = list(tasks)
    for task in lost:
        drop_given(task.get_coro())
    await end_tasks(lost)
