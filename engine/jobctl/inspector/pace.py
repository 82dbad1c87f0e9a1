"""A work done in batches, so many a second and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

TURN_S = 0.1  # a batch at a limited rate is what this time allows


class Pace:
    """Says how much may be done at once, and waits until it may be.

    Args:
        rate_per_s: things a second at most; None = no limit.
        most: things in one batch at most.
        now, sleep: the clock, seconds; tests step it.
    """

    def __init__(
        self,
        rate_per_s: float | None,
        most: int,
        *,
        now: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate_per_s = rate_per_s
        self._now = now
        self._sleep = sleep
        self._next_at = now()
        self.batch = most if rate_per_s is None else max(min(most, int(rate_per_s * TURN_S)), 1)

    async def turn(self, count: int) -> None:
        """Wait until a batch of so many may begin. Time that was lost is not made up for: the rate is a limit."""
        if self._rate_per_s is None:
            return
        wait_s = self._next_at - self._now()
        if wait_s > 0:
            await self._sleep(wait_s)
        self._next_at = max(self._next_at, self._now() - TURN_S) + count / self._rate_per_s
