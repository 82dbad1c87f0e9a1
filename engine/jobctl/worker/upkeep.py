"""When upkeep runs: once a second, and sooner when something becomes due. What it does is in `jobctl.broker.upkeep`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from redis import exceptions

from jobctl.broker.upkeep import Findings, Upkeep

log = logging.getLogger(__name__)

PERIOD_S = 1.0


class UpkeepLoop:
    """Ticks once a second, and right when the next job is due.

    Args:
        on_findings: awaited after each tick, with what was found.
        on_trouble: called when the broker did not take a tick.
    """

    def __init__(
        self, upkeep: Upkeep, on_findings: Callable[[Findings], Awaitable[None]], on_trouble: Callable[[], None]
    ) -> None:
        self._upkeep = upkeep
        self._on_findings = on_findings
        self._on_trouble = on_trouble
        self._poked = asyncio.Event()
        self._due_at = float("inf")

    def replace(self, upkeep: Upkeep) -> None:
        """Go on with another upkeep of the same queues, from the next tick on."""
        self._upkeep = upkeep

    def expect(self, delay_s: float) -> None:
        """Something becomes due in so many seconds: be there."""
        self._due_at = min(self._due_at, time.monotonic() + delay_s)
        self._poked.set()

    async def run(self) -> None:
        """Tick until cancelled. A broker that is away is waited for; the worker's own turn reports it."""
        while True:
            self._due_at = float("inf")
            pause_s = PERIOD_S
            try:
                findings = await self._upkeep.tick()
                if findings.next_due_ms:
                    pause_s = min(pause_s, max((findings.next_due_ms - findings.now_ms) / 1000, 0.001))
                await self._on_findings(findings)
            except exceptions.RedisError as error:
                log.debug("upkeep failed", extra={"error": str(error)})
                self._on_trouble()
            await self._pause(pause_s)

    async def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            left_s = min(until, self._due_at) - time.monotonic()
            if left_s <= 0:
                return
            self._poked.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._poked.wait()
            except TimeoutError:
                return
