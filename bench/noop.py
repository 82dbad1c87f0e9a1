"""The no-op handler of our side, and where it counts: a module of its own, since the spec names it by its path."""

from __future__ import annotations

from collections.abc import Callable

from bench.sample import Lap
from jobctl import Context

lap = Lap(0, lambda: None)
listener: Callable[[int], object] = int
"""Told the number of each job at its start."""
starts: list[str] = []
"""Queue of each job, in the order of their starts."""


async def noop(ctx: Context, number: int) -> None:
    """Count a start."""
    starts.append(ctx.queue)
    lap.start()
    listener(number)
