"""The ticks of a schedule: its times between its start and its end, which of them are due, and their jitter. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobctl.clock import utc
from jobctl.compiler.plan import Schedule
from jobctl.scheduler.cron import latest_time, times_after
from jobctl.spec.model import CatchUp

STALL_S = 5.0  # ticks not claimed for so short a time were not missed: each of them runs, whatever `catch_up` says
ON_TIME_S = 60.0  # a tick this late is late, not missed: `catch_up: skip` still runs it
CATCH_UP_BATCH = 1_000  # ticks of one schedule that `catch_up: all` makes up for at a time


@dataclass(frozen=True, slots=True)
class Due:
    """What a scheduler is to do now.

    Attributes:
        tick_ms: nominal time.
        how: ``tick`` to run it, ``missed`` to note that it and those before it are not made up for.
        count: ticks that this one stands for, itself included.
    """

    tick_ms: int
    how: str = "tick"
    count: int = 1


def ticks_after(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Yield the ticks of a schedule strictly after a moment, ascending; they end where the schedule does."""
    if schedule.start_ms:
        after = max(after, utc(schedule.start_ms / 1000 - 1))  # ticks and starts are whole seconds
    for tick in times_after(schedule.expression, schedule.timezone, after):
        if schedule.end_ms and tick.timestamp() * 1000 >= schedule.end_ms:
            return
        yield tick


def next_tick(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the next tick, or None if the schedule has ended."""
    return next(ticks_after(schedule, after), None)


def latest_tick(schedule: Schedule, at: datetime, not_before: datetime) -> datetime | None:
    """Return the last tick in ``not_before < tick <= at``, or None."""
    if schedule.start_ms:
        not_before = max(not_before, utc(schedule.start_ms / 1000 - 1))
    if schedule.end_ms:
        at = min(at, utc(schedule.end_ms / 1000 - 1))
    return latest_time(schedule.expression, schedule.timezone, at, not_before) if at > not_before else None


def due_ticks(schedule: Schedule, last: datetime, now: datetime) -> list[Due]:
    """Return what is due, oldest first.

    A stall of a few seconds is no downtime: each of its ticks runs. After a longer one `catch_up` decides.

    Args:
        last: the last tick that was claimed.
        now: the broker's time.
    """
    first = next_tick(schedule, last)
    if first is None or first > now:
        return []
    if now - first <= timedelta(seconds=STALL_S):
        return [Due(_ms(tick)) for tick in _between(schedule, last, now)]
    floor = max(last, now - timedelta(seconds=schedule.catch_up_window_s)) if schedule.catch_up_window_s else last
    if schedule.catch_up is CatchUp.ALL:
        due = [Due(_ms(tick)) for tick in _between(schedule, floor, now)]
        if due:
            return due
    latest = latest_tick(schedule, now, last)
    if latest is None:
        return []
    count = sum(1 for _ in _between(schedule, last, now))
    is_late_only = (now - latest).total_seconds() <= ON_TIME_S
    if latest > floor and (schedule.catch_up is CatchUp.ONCE or is_late_only):
        return [Due(_ms(latest), count=count)]
    return [Due(_ms(latest), "missed", count)]


def jitter_ms(schedule: Schedule, tick_ms: int) -> int:
    """Return how long after its tick a job is due, ms: the same for every scheduler and every restart."""
    if not schedule.jitter_s:
        return 0
    digest = hashlib.blake2b(f"{schedule.id}:{tick_ms}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % (int(schedule.jitter_s * 1000) + 1)


def _between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    for count, tick in enumerate(ticks_after(schedule, after)):
        if tick > until or count >= CATCH_UP_BATCH:
            return
        yield tick


def _ms(tick: datetime) -> int:
    return round(tick.timestamp() * 1000)
