"""What all pages share: the plan, the broker, who may enter, and readings taken once for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from jobctl.broker.connect import translate_errors
from jobctl.client import Client
from jobctl.errors import BrokerError, UsageError
from jobctl.inspector import Inspector
from jobctl.inspector.rate_history import RateHistory
from jobctl.inspector.server import ServerStatus, read_server
from jobctl.inspector.stats import Window, read_days
from jobctl.inspector.status import RATE_BUCKET_S, RATE_KEPT_S, Overview, rate_buckets
from jobctl_web.access import Access
from jobctl_web.config import WebConfig
from jobctl_web.roles import Identity
from jobctl_web.shared import Shared

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl.inspector.deaths import Deaths

SNAPSHOT_S = 0.9  # a little under the second of the live pages, so that each of their turns sees a new one
SERVER_S = 2.0
PING_S = 1.0
PING_TIMEOUT_S = 2.0  # less than any probe waits
DAYS_S = 5.0
DAYS = 14
FAILURES = 20
DEATHS_S = 5.0
DEATHS = 2_000  # of each queue: about 0.1 s of this process, in pieces of 500


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Queues, workers and failures of one moment, with the quarter of an hour before it."""

    overview: Overview
    history: RateHistory

    @property
    def moments(self) -> list[int]:
        """The beginnings of the history's steps of ten seconds, ms since the epoch, oldest first."""
        return [bucket * RATE_BUCKET_S * 1000 for bucket in rate_buckets(self.overview.at_ms, RATE_KEPT_S)]

    def per_s(self, what: str, queues: Iterable[str]) -> list[float]:
        """Return a rate, ``started``, ``complete`` or ``failed``, step by step, over some queues."""
        return self.history.per_s(what, list(queues))


class Console:
    """The web console's inside, without its pages.

    Args:
        redis: an asyncio client that answers bytes; it is not closed here.
        plan: the specs, if there are any.
        config: who may enter.
    """

    def __init__(self, redis: Redis, plan: Plan | None, config: WebConfig) -> None:
        self.redis = redis
        self.plan = plan
        self.config = config
        self.access = Access(config)
        self._history = RateHistory(RATE_KEPT_S)
        self._snapshot = Shared(self._read_snapshot, SNAPSHOT_S)
        self._days = Shared(self._read_days, DAYS_S)
        self._deaths = Shared(lambda: self.inspector().deaths(most=DEATHS), DEATHS_S)
        self._server = Shared(lambda: read_server(redis), SERVER_S)
        self._ping = Shared(self._pinged, PING_S)

    @cached_property
    def client(self) -> Client:
        """What enqueues.

        Raises:
            UsageError: there are no specs.
        """
        return Client(self.declared, redis=self.redis)

    @property
    def declared(self) -> Plan:
        """The plan.

        Raises:
            UsageError: there are no specs.
        """
        if self.plan is None:
            raise UsageError("without specs nothing can be enqueued", hint="name them: `jobctl web --spec PATH`")
        return self.plan

    def inspector(self, identity: Identity | None = None) -> Inspector:
        """Return an inspector that acts in somebody's name."""
        return Inspector(self.redis, self.plan, actor=actor(identity))

    async def snapshot(self) -> Snapshot:
        """Return the present, at most a second old."""
        return await self._snapshot.get()

    def changed(self) -> None:
        """Forget the present: something was done, and the next page has to show it."""
        self._snapshot.expire()
        self._deaths.expire()

    async def days(self) -> list[Window]:
        """Return what was counted on the last 14 days, day by day, today the last; at most five seconds old."""
        return await self._days.get()

    async def today(self) -> Window:
        """Return what was counted since midnight, UTC."""
        return (await self.days())[-1]

    async def deaths(self) -> Deaths:
        """Return what the latest dead of each queue died of; at most five seconds old."""
        return await self._deaths.get()

    async def server(self) -> ServerStatus:
        """Return what the broker's server says of itself."""
        return await self._server.get()

    async def has_broker(self) -> bool:
        """Return whether the broker answers; asked once a second at most, whoever wants to know."""
        return await self._ping.get()

    async def _pinged(self) -> bool:
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                with translate_errors():
                    await self.redis.ping()  # type: ignore[misc]
        except (BrokerError, TimeoutError):
            return False
        return True

    async def _read_snapshot(self) -> Snapshot:
        overview = await self.inspector().overview(failures=FAILURES, history=self._history)
        return Snapshot(overview, self._history)

    async def _read_days(self) -> list[Window]:
        overview = (await self.snapshot()).overview
        return await read_days(self.redis, [queue.name for queue in overview.queues], overview.at_ms, days=DAYS)


def actor(identity: Identity | None) -> str | None:
    """Return whom the audit log names: ``ada@web``; None = whoever runs this process."""
    return f"{identity.name}@web" if identity is not None and identity.how != "local" else None
