"""The scheduler: claims each tick of each schedule once, whatever the number of workers and restarts.

Every worker runs one. The script that stores a tick's job compares and sets the schedule's last tick, so only one of
them stores it, and none can die between the two.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from jobctl.broker.connect import translate_errors
from jobctl.broker.envelope import TICK_CLAIMED, Envelope, pack, seal, unpack
from jobctl.broker.keys import SCHEDULES
from jobctl.broker.scripts import source
from jobctl.clock import utc
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Schedule
from jobctl.errors import BrokerError
from jobctl.scheduler.cron import latest_time, next_times, times_after
from jobctl.spec.model import CatchUp

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger(__name__)

ON_TIME_S = 60.0  # a tick this late is late, not missed: `catch_up: skip` still runs it
CATCH_UP_LIMIT = 1_000  # ticks of one schedule that `catch_up: all` makes up for
LONGEST_SLEEP_S = 30.0  # a stepped clock is noticed within this


class Scheduler:
    """The schedules of a plan.

    Args:
        plan: the compiled spec.
        server: the broker.
        clock_offset_s: the broker's clock minus ours; the worker keeps it up to date with `set_clock`.
    """

    def __init__(self, plan: Plan, server: Redis, *, clock_offset_s: float = 0.0) -> None:
        self.plan = plan
        self._server = server
        self._store = server.register_script(source("enqueue"))
        self._offset_s = clock_offset_s
        self._last_ms: dict[str, int] = {}

    def set_clock(self, server_ms: int) -> None:
        """Learn the broker's time: its clock decides, not this host's."""
        self._offset_s = server_ms / 1000 - time.time()

    def now(self) -> datetime:
        """Return the broker's time."""
        return utc(time.time() + self._offset_s)

    async def run(self) -> None:
        """Tick at every due time until cancelled."""
        if not self.plan.schedules:
            return
        while True:
            try:
                with translate_errors():
                    if not self._last_ms:
                        await self.begin()
                    await self.tick()
            except BrokerError as error:
                log.debug("scheduler waits for the broker", extra={"error": str(error)})
                await asyncio.sleep(1.0)
                continue
            await asyncio.sleep(self.sleep_s())

    async def begin(self) -> None:
        """Learn the broker's time and each schedule's last tick; a schedule never seen before starts now."""
        seconds, micros = await self._server.time()
        self.set_clock(seconds * 1000 + micros // 1000)
        now_ms = int(self.now().timestamp() * 1000)
        for schedule in self.plan.schedules:
            await self._server.hsetnx(SCHEDULES, schedule.id, str(now_ms))  # type: ignore[misc]
        stored = await self._server.hmget(SCHEDULES, [schedule.id for schedule in self.plan.schedules])  # type: ignore[misc]
        for schedule, last in zip(self.plan.schedules, stored, strict=True):
            self._last_ms[schedule.id] = int(last) if last else now_ms

    def sleep_s(self) -> float:
        """Return how long until the next tick of any schedule, seconds, bounded."""
        now = self.now()
        nearest = min(next_times(s.expression, s.timezone, now, 1)[0] for s in self.plan.schedules)
        return min(max((nearest - now).total_seconds(), 0.001), LONGEST_SLEEP_S)

    async def tick(self) -> list[tuple[str, datetime]]:
        """Store the jobs of all ticks that are due and that no other scheduler has claimed.

        Returns:
            ``(schedule id, nominal time)`` of the ticks this scheduler claimed.
        """
        now = self.now()
        claimed: list[tuple[str, datetime]] = []
        for schedule in self.plan.schedules:
            last = utc(self._last_ms[schedule.id] / 1000)
            for due in self._due(schedule, last, now):
                tick_ms = round(due.timestamp() * 1000)
                keys, args = pack([self._seal(schedule, tick_ms)])
                (holder,) = unpack(await self._store(keys=keys, args=args))
                self._last_ms[schedule.id] = max(self._last_ms[schedule.id], tick_ms)
                if holder is None:
                    claimed.append((schedule.id, due))
                    late_s = round((now - due).total_seconds(), 3)
                    log.info("tick", extra={"schedule": schedule.id, "due": due.isoformat(), "late_s": late_s})
                elif holder != TICK_CLAIMED:
                    log.warning(
                        "tick skipped: another job holds its lock", extra={"schedule": schedule.id, "holder": holder}
                    )
        return claimed

    def _due(self, schedule: Schedule, last: datetime, now: datetime) -> Sequence[datetime]:
        expression, timezone = schedule.expression, schedule.timezone
        if schedule.catch_up is CatchUp.ALL:
            due: list[datetime] = []
            for moment in times_after(expression, timezone, last):
                if moment > now or len(due) >= CATCH_UP_LIMIT:
                    break
                due.append(moment)
            return due
        latest = latest_time(expression, timezone, now, last)
        if latest is None:
            return []
        if schedule.catch_up is CatchUp.SKIP and (now - latest).total_seconds() > ON_TIME_S:
            return []
        return [latest]

    def _seal(self, schedule: Schedule, tick_ms: int) -> Envelope:
        registration = self.plan.by_name[schedule.job]
        payload = PayloadSchema(registration.name, registration.payload).normalise(schedule.payload)
        sealed = seal(
            registration,
            payload,
            key=f"cron:{schedule.id}:{tick_ms // 1000}",
            queue=schedule.queue,
            meta={"schedule": {"id": schedule.id, "tick_ms": tick_ms}},
        )
        return replace(sealed, guard=schedule.id, guard_ms=tick_ms)
