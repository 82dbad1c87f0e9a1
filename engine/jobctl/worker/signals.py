"""Signals, told to every worker of an event loop: it has one handler for each, which would be the last one's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

_listeners: dict[asyncio.AbstractEventLoop, list[Callable[[int], None]]] = {}


@contextmanager
def heard(numbers: Iterable[int], listener: Callable[[int], None]) -> Iterator[None]:
    """Tell a function of the signals that come meanwhile, in the running loop.

    Outside the main thread there are none to hear: whoever started the loop stops it.
    """
    loop = asyncio.get_running_loop()
    listeners = _listeners.setdefault(loop, [])
    listeners.append(listener)
    with suppress(RuntimeError, ValueError, NotImplementedError):
        for number in numbers:
            loop.add_signal_handler(number, _tell, listeners, number)
    try:
        yield
    finally:
        listeners.remove(listener)
        if not listeners:
            del _listeners[loop]
            with suppress(RuntimeError, ValueError, NotImplementedError):
                for number in numbers:
                    loop.remove_signal_handler(number)


def _tell(listeners: list[Callable[[int], None]], number: int) -> None:
    for listener in list(listeners):
        listener(number)
