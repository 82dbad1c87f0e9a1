"""Runs that are asked for: now, or for the ticks of a time that has passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from jobctl.broker.envelope import new_key
from jobctl.clock import utc
from jobctl.compiler.plan import Plan, Schedule
from jobctl.errors import UsageError
from jobctl.scheduler.claim import Answer, Claims, claim, tick_key
from jobctl.scheduler.ticks import ticks_after

if TYPE_CHECKING:
    from redis.asyncio import Redis

BACKFILL_LIMIT = 10_000  # jobs of one call: more is most likely a slip in a date


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What became of one tick. ``answer`` is None in a dry run."""

    schedule: str
    tick: datetime
    key: str
    answer: Answer | None


async def run_now(server: Redis, plan: Plan, schedule: Schedule, now_ms: int, *, force: bool = False) -> Filled:
    """Run a schedule's job now, paused or not. Its `overlap` holds unless forced; its ticks are not touched."""
    key = f"{tick_key(schedule.id, now_ms)}-{new_key()[-6:]}"
    (answer,) = await Claims(server).send([claim(plan, schedule, now_ms, how="hand", key=key, force=force)])
    return Filled(schedule=schedule.id, tick=utc(now_ms / 1000), key=key, answer=answer)


def ticks_between(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """Return the ticks in ``start <= tick < end``. Pure.

    Raises:
        UsageError: it ends before it starts, or there are too many.
    """
    if end <= start:
        raise UsageError("the range ends before it starts", hint="`--to` must be later than `--from`")
    ticks: list[datetime] = []
    for tick in islice(ticks_after(schedule, utc(start.timestamp() - 0.001)), BACKFILL_LIMIT + 1):
        if tick >= end:
            return ticks
        ticks.append(tick)
    if len(ticks) > BACKFILL_LIMIT:
        raise UsageError(f"the range has more than {BACKFILL_LIMIT:,} ticks", hint="fill it in parts")
    return ticks


async def backfill(
    server: Redis,
    plan: Plan,
    schedule: Schedule,
    ticks: Sequence[datetime],
    *,
    force: bool = False,
    dry_run: bool = False,
    tell: Callable[[int], object] | None = None,
) -> list[Filled]:
    """Run the ticks of a range, oldest first, each that the broker does not know to have run.

    An interrupted call may simply be made again.

    Args:
        server: the broker.
        plan: the schedule's.
        schedule: whose ticks.
        ticks: from `ticks_between`.
        force: also those that have run.
        dry_run: change nothing.
        tell: is told how many ticks have been done.
    """
    moments = [round(tick.timestamp() * 1000) for tick in ticks]
    suffix = f"-{new_key()[-6:]}" if force else ""
    keys = [tick_key(schedule.id, tick_ms) + suffix for tick_ms in moments]
    answers: Sequence[Answer | None] = [None] * len(ticks)
    if not dry_run:
        envelopes = [
            claim(plan, schedule, tick_ms, how="backfill", key=key, force=force)
            for tick_ms, key in zip(moments, keys, strict=True)
        ]
        answers = await Claims(server).send(envelopes, tell)
    return [
        Filled(schedule=schedule.id, tick=tick, key=key, answer=answer)
        for tick, key, answer in zip(ticks, keys, answers, strict=True)
    ]
