"""A plan compared with the one that runs on the broker: what would change, and what that would leave behind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobctl.broker import keys
from jobctl.broker.applied import AppliedPlan, read_plan
from jobctl.broker.connect import translate_errors
from jobctl.compiler.diff import Difference, diff
from jobctl.compiler.facts import facts
from jobctl.compiler.plan import Plan, Schedule
from jobctl.inspector.filters import where
from jobctl.inspector.inspector import Inspector
from jobctl.records import JobState
from jobctl.scheduler.ticks import next_tick
from jobctl.spec.model import CatchUp, Overlap

if TYPE_CHECKING:
    from redis.asyncio import Redis

WAITING = frozenset({JobState.QUEUED, JobState.SCHEDULED, JobState.RETRYING})
PAGE = 500
MOST_LOOKED_AT = 100_000  # waiting jobs whose type is looked at; a longer backlog is counted so far


@dataclass(frozen=True, slots=True)
class Move:
    """A schedule that would run at other times, or no more. Moments are ms since the epoch; None = none.

    Attributes:
        last_ms: its last tick, as stored.
        before_ms, after_ms: its next tick by the plan that runs there, and by the new one.
    """

    id: str
    last_ms: int | None
    before_ms: int | None
    after_ms: int | None


@dataclass(frozen=True, slots=True)
class Stranded:
    """Jobs that wait and that no worker of the new plan would run.

    Attributes:
        kind: ``type`` or ``queue``: what disappears.
        count: jobs; at least so many where ``is_partial``.
    """

    kind: str
    name: str
    count: int
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """What putting a plan in place of the running one would change. ``applied`` None = none has ever run there."""

    applied: AppliedPlan | None
    difference: Difference
    moves: tuple[Move, ...]
    stranded: tuple[Stranded, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing would change."""
        return not self.difference.changes


async def compare(redis: Redis, plan: Plan, now: datetime) -> Comparison:
    """Compare a plan with the one that runs on the broker.

    Jobs that wait are counted by index, and their records read, only where types or queues disappear.

    Raises:
        BrokerUnreachable: no broker answers.
    """
    with translate_errors():
        applied = await read_plan(redis)
        before, after = applied.facts if applied else None, facts(plan)
        difference = diff(before, after)
        moves = await _moves(redis, difference, before or {}, after, now)
    return Comparison(applied, difference, moves, await _stranded(redis, difference))


async def _moves(
    redis: Redis, difference: Difference, before: dict[str, Any], after: dict[str, Any], now: datetime
) -> tuple[Move, ...]:
    changed = difference.of("schedule")
    if not changed:
        return ()
    async with redis.pipeline(transaction=False) as pipe:
        for one in changed:
            pipe.hget(keys.schedule(one.name), "last_ms")
        lasts = await pipe.execute()
    moves = []
    for one, last in zip(changed, lasts, strict=True):
        old, new = (_next_ms(part.get("schedules", {}).get(one.name), one.name, now) for part in (before, after))
        if old != new or one.verb != "changed":
            moves.append(Move(one.name, int(last) if last else None, old, new))
    return tuple(moves)


def _next_ms(told: dict[str, Any] | None, schedule_id: str, now: datetime) -> int | None:
    if told is None:
        return None
    schedule = Schedule(
        id=schedule_id,
        job=told["job"],
        type=told["type"],
        queue=told["queue"],
        expression=told["expression"],
        timezone=told["timezone"],
        payload={},
        catch_up=CatchUp.ONCE,
        overlap=Overlap.ALLOW,
        start_ms=told.get("start_ms", 0),
        end_ms=told.get("end_ms", 0),
    )
    try:
        tick = next_tick(schedule, now)
    except ValueError:
        return None  # an expression or zone of a newer jobctl
    return None if tick is None else round(tick.timestamp() * 1000)


async def _stranded(redis: Redis, difference: Difference) -> tuple[Stranded, ...]:
    found: list[Stranded] = []
    inspector = Inspector(redis)
    if difference.lost_queues:
        for queue in await inspector.queues():
            count = sum(queue.counts[state] for state in WAITING)
            if queue.name in difference.lost_queues and count:
                found.append(Stranded("queue", queue.name, count))
    if difference.lost_types:
        counts, is_partial = await _waiting_types(inspector)
        found += [Stranded("type", name, counts[name], is_partial) for name in difference.lost_types if counts[name]]
    return tuple(found)


async def _waiting_types(inspector: Inspector) -> tuple[Counter[str], bool]:
    """Return how many jobs of each type wait, and whether there are more than were looked at."""
    counts: Counter[str] = Counter()
    cursor: str | None = None
    while True:
        page = await inspector.page(where(state=WAITING), limit=PAGE, cursor=cursor)
        counts.update(job.type for job in page.jobs)
        cursor = page.cursor
        if cursor is None or counts.total() >= MOST_LOOKED_AT:
            return counts, cursor is not None
