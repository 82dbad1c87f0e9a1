"""Upkeep: what every worker does for everyone once a second, and sooner when something becomes due."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import exceptions

from jobctl.broker.keys import FAILURES, QueueKeys
from jobctl.broker.record import encode
from jobctl.broker.scripts import source
from jobctl.compiler.plan import Registration
from jobctl.spec.model import DEFAULT_DEAD_RETENTION_S, DEFAULT_MAX_CRASHES

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger(__name__)

PERIOD_S = 1.0
DEAD_CAP = 10_000  # per queue, as Asynq has it; the oldest go first


@dataclass(frozen=True, slots=True)
class Recovered:
    """A job whose worker was lost: handed out again (``lost``) or given up (``dead``)."""

    id: str
    type: str
    outcome: str
    worker: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What one upkeep found. Times are ms on the server's clock; ``next_due_ms`` 0 = nothing is scheduled."""

    now_ms: int
    next_due_ms: int
    recovered: tuple[Recovered, ...]
    paused: tuple[bool, ...]


class Upkeep:
    """The upkeep script of a set of queues."""

    def __init__(self, server: Redis, queues: Sequence[QueueKeys], registrations: Iterable[Registration]) -> None:
        limits = {
            job.type: [job.max_crashes, int(job.dead_retention_s)]
            for job in registrations
            if (job.max_crashes, job.dead_retention_s) != (DEFAULT_MAX_CRASHES, DEFAULT_DEAD_RETENTION_S)
        }
        self._script = server.register_script(source("upkeep"))
        self._names: list[str] = []
        for of in queues:
            self._names += (
                *(of.queued, of.active, of.incomplete, of.leases, of.crashes, of.complete, of.dead, of.cancelled),
                *(of.expiry, of.retrying, of.losses, of.replayed, of.sweep, of.owners),
            )
        for of in queues:
            self._names += (of.cancels, of.interruptions, of.replays, of.paused)
        self._names.append(FAILURES)
        self._args: list[Any] = [
            *(len(queues), DEFAULT_MAX_CRASHES, int(DEFAULT_DEAD_RETENTION_S), DEAD_CAP, encode(limits)),
            *(of.name for of in queues),
        ]

    async def tick(self) -> Findings:
        """Recover, promote and forget once.

        Raises:
            redis.exceptions.RedisError: the broker did not take it.
        """
        now_ms, next_due_ms, flat, paused = await self._script(keys=self._names, args=self._args)
        texts = [text.decode() for text in flat]
        recovered = tuple(Recovered(*texts[i : i + 4]) for i in range(0, len(texts), 4))
        return Findings(now_ms, next_due_ms, recovered, tuple(bool(flag) for flag in paused))


class UpkeepLoop:
    """Ticks once a second, and right when the next job is due.

    Args:
        on_findings: awaited after each tick, with what was found.
    """

    def __init__(self, upkeep: Upkeep, on_findings: Callable[[Findings], Awaitable[None]]) -> None:
        self._upkeep = upkeep
        self._on_findings = on_findings
        self._poked = asyncio.Event()
        self._due_at = float("inf")

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
