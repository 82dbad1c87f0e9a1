"""The scheduler: claims each tick of each schedule once, whatever the number of workers and restarts.

Every worker runs one. The script that stores a tick's job compares and sets the schedule's last tick, so only one of
them stores it, and none can die between the two. Times are reckoned here; the broker is asked only at a tick, and
twice a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from jobctl.broker.connect import translate_errors
from jobctl.clock import utc
from jobctl.compiler.plan import Plan, Schedule
from jobctl.errors import BrokerError, JobctlError
from jobctl.scheduler.claim import BATCH, Answer, Claims, claim
from jobctl.scheduler.registry import SEEN_PERIOD_S, SETTLE_BATCH, Application, Registry
from jobctl.scheduler.ticks import Due, due_ticks, next_tick

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.broker.envelope import Envelope

log = logging.getLogger(__name__)

LONGEST_SLEEP_S = 30.0
WAITING_PERIOD_S = 0.2  # how soon a tick that waits for the run before it follows
FAULTS = (ArithmeticError, LookupError, TypeError, ValueError, JobctlError)  # of a schedule, not of the broker
CLOCK_STEP_S = 0.05  # a change of the broker's clock worth waking up for


@dataclass(slots=True)
class Track:
    """Where a schedule is: its last tick, the next one (ms; None = it has ended), whether ticks of it wait."""

    schedule: Schedule
    last_ms: int = 0
    next_ms: int | None = 0
    has_waiting: bool = False

    def move(self, last_ms: int) -> None:
        """Go on from a tick."""
        self.last_ms = last_ms
        following = next_tick(self.schedule, utc(last_ms / 1000))
        self.next_ms = None if following is None else round(following.timestamp() * 1000)


class Scheduler:
    """The schedules of a plan.

    Args:
        plan: the compiled spec.
        server: the broker. Its clock decides; `set_clock` keeps it in step, and this host's own does not matter.
    """

    def __init__(self, plan: Plan, server: Redis) -> None:
        self.plan = plan
        self.registry = Registry(server)
        self._claims = Claims(server)
        self._tracks = [Track(schedule) for schedule in plan.schedules]
        self._offset_s: float | None = None
        self._seen_at = float("-inf")
        self._stepped = asyncio.Event()
        self._has_unsettled = False

    def set_clock(self, server_ms: int) -> None:
        """Learn the broker's time."""
        offset_s = server_ms / 1000 - time.monotonic()
        if self._offset_s is None or abs(offset_s - self._offset_s) > CLOCK_STEP_S:
            self._stepped.set()
        self._offset_s = offset_s

    def now(self) -> datetime:
        """Return the broker's time."""
        return utc(time.monotonic() + (self._offset_s or 0.0))

    async def run(self) -> None:
        """Tick at every due time until cancelled."""
        while True:
            try:
                with translate_errors():
                    if self._offset_s is None or self._seen_at == float("-inf"):
                        await self.begin()
                    elif time.monotonic() - self._seen_at >= SEEN_PERIOD_S:
                        await self.look()
                    await self.tick()
                    if self._has_unsettled:
                        await self._settle()
                        continue
            except BrokerError as error:
                log.debug("scheduler waits for the broker", extra={"error": str(error)})
                await asyncio.sleep(1.0)
                continue
            self._stepped.clear()
            try:
                async with asyncio.timeout(self.sleep_s()):
                    await self._stepped.wait()
            except TimeoutError:
                pass

    async def begin(self) -> None:
        """Store the plan's schedules; learn the broker's time and each schedule's last tick."""
        applied = await self.registry.apply(self.plan)
        self._learn(applied)
        for schedule_id, one in applied.schedules.items():
            if one.status != "same":
                facts = {"schedule": schedule_id, "former": one.former} if one.former else {"schedule": schedule_id}
                log.info("schedule %s", one.status, extra=facts)

    async def look(self) -> None:
        """Say that these schedules are still in a plan, and write the outcome of ended runs into the histories."""
        self._learn(await self.registry.seen(self.plan))
        await self._settle()

    async def _settle(self) -> None:
        # A batch at a time, so that ticks are not kept waiting; `run` goes on while batches are worth it.
        self._has_unsettled = await self.registry.settle() >= SETTLE_BATCH // 2

    def _learn(self, found: Application) -> None:
        self.set_clock(found.now_ms)
        for track in self._tracks:
            one = found.schedules[track.schedule.id]
            track.has_waiting = one.waiting > 0
            if one.last_ms != track.last_ms or not track.last_ms:
                with self._guard(track):
                    track.move(one.last_ms)
        for schedule_id in found.removed:
            log.info("schedule removed", extra={"schedule": schedule_id})
        self._seen_at = time.monotonic()

    def sleep_s(self) -> float:
        """Return how long until there is something to do, seconds, bounded."""
        now_ms = self.now().timestamp() * 1000
        next_ms = self.next_ms()
        nearest_ms = float("inf") if next_ms is None else next_ms
        longest_s = WAITING_PERIOD_S if any(track.has_waiting for track in self._tracks) else LONGEST_SLEEP_S
        return min(max((nearest_ms - now_ms) / 1000, 0.001), longest_s)

    def next_ms(self, only: Collection[str] | None = None) -> int | None:
        """Return when the next tick is due, of these schedules or of all, ms since the epoch; None = never."""
        ticks = [t.next_ms for t in self._tracks if t.next_ms is not None and (only is None or t.schedule.id in only)]
        return min(ticks, default=None)

    async def tick(self, only: Collection[str] | None = None) -> list[tuple[str, datetime]]:
        """Store the jobs of all ticks that are due and that no other scheduler has claimed.

        Args:
            only: the ids of schedules to look at; None = all.

        Returns:
            ``(schedule id, nominal time)`` of the ticks whose jobs this scheduler stored.
        """
        now = self.now()
        now_ms = now.timestamp() * 1000
        tracks = [track for track in self._tracks if only is None or track.schedule.id in only]
        due = [track for track in tracks if track.next_ms is not None and track.next_ms <= now_ms]
        stored: list[tuple[str, datetime]] = []
        for start in range(0, len(due), BATCH):
            stored += await self._claim_due(due[start : start + BATCH], now)
        for track in tracks:
            if track.has_waiting:
                with self._guard(track):
                    stored += await self._claim_waiting(track)
        return stored

    @contextlib.contextmanager
    def _guard(self, track: Track) -> Iterator[None]:
        """Let a schedule that cannot be reckoned or sealed stand still, and not all the others with it."""
        try:
            yield
        except FAULTS:
            track.next_ms, track.has_waiting = None, False
            log.exception("schedule stopped", extra={"schedule": track.schedule.id})

    async def _claim_due(self, tracks: Sequence[Track], now: datetime) -> list[tuple[str, datetime]]:
        """Claim what is due of several schedules in one call: at midnight there are many."""
        claims: list[tuple[Track, Due, Envelope]] = []
        ready: list[Track] = []
        for track in tracks:
            with self._guard(track):
                due = due_ticks(track.schedule, utc(track.last_ms / 1000), now)
                claims += [
                    (track, one, claim(self.plan, track.schedule, one.tick_ms, how=one.how, count=one.count))
                    for one in due
                ]
                ready.append(track)
        answers = await self._claims.send([envelope for _, _, envelope in claims])
        # Only what the broker has answered is behind us; a call that failed is made again.
        reached = {track.schedule.id: one.tick_ms for track, one, _ in claims}
        for track in ready:
            with self._guard(track):
                track.move(reached.get(track.schedule.id, round(now.timestamp() * 1000)))
        return [
            (track.schedule.id, utc(one.tick_ms / 1000))
            for (track, one, _), answer in zip(claims, answers, strict=True)
            if self._is_stored(track, one, answer, now)
        ]

    def _is_stored(self, track: Track, due: Due, answer: Answer, now: datetime) -> bool:
        """Note what became of a tick; return whether its job was stored."""
        tick = utc(due.tick_ms / 1000)
        facts = {"schedule": track.schedule.id, "due": tick.isoformat()}
        if answer is Answer.STORED:
            log.info("tick", extra={**facts, "late_s": round((now - tick).total_seconds(), 3)})
        elif answer is Answer.WAITING:
            track.has_waiting = True
        elif answer is Answer.MISSED:
            log.warning("ticks missed", extra={**facts, "count": due.count})
        elif answer is Answer.SKIPPED:
            log.warning("tick skipped: the run before it has not ended", extra=facts)
        elif answer is Answer.LOCKED:
            log.warning("tick skipped: another job holds its lock", extra=facts)
        return answer is Answer.STORED

    async def _claim_waiting(self, track: Track) -> list[tuple[str, datetime]]:
        schedule = track.schedule
        tick_ms = await self.registry.waiting(schedule.id)  # also what has waited since before `overlap` was changed
        if tick_ms is None:
            track.has_waiting = False
            return []
        (answer,) = await self._claims.send([claim(self.plan, schedule, tick_ms, how="waited")])
        if answer is Answer.PAUSED:
            track.has_waiting = False  # until `look` finds them after it was resumed
        return [(schedule.id, utc(tick_ms / 1000))] if answer is Answer.STORED else []
