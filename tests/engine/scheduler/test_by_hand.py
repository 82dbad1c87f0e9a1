"""What is done by hand, backfills, runs, pauses, beside the schedulers: no tick runs twice, none is forgotten."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from tests.engine.scheduler._plans import START, START_MS, plan_of, registration, schedule, stepped

from jobctl.broker import keys
from jobctl.clock import utc
from jobctl.scheduler.backfill import backfill, run_now, ticks_between
from jobctl.scheduler.registry import SETTLE_BATCH, Registry
from jobctl.scheduler.ticker import Scheduler
from jobctl.spec.model import CatchUp, Overlap, Unique

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LOW = keys.QueueKeys("low")


def job_of(hour: int, name: str = "hourly") -> str:
    return keys.job_id("low", f"cron:{name}:{START_MS // 1000 + 3600 * hour}")


async def end(redis: Any, *jobs: str) -> None:
    """Make stored jobs look ended, their records kept."""
    await redis.zrem(LOW.incomplete, *jobs)
    await redis.lrem(LOW.queued, 0, *jobs)


async def end_all(redis: Any) -> None:
    await redis.delete(LOW.queued, LOW.incomplete)


async def filled(redis: Any, plan: Any, hours: int) -> list[str]:
    """Backfill the first hours of the year; return what became of each."""
    one = plan.schedules[0]
    ticks = ticks_between(one, START + timedelta(hours=1), START + timedelta(hours=hours + 1))
    return [str(tick.answer) for tick in await backfill(redis, plan, one, ticks)]


async def queued(redis: Any) -> list[int]:
    """The hours of the jobs that were made."""
    jobs = [job.decode().rpartition(":")[2] for job in await redis.lrange(LOW.queued, 0, -1)]
    return [(int(second) * 1000 - START_MS) // HOUR_MS for second in jobs]


@pytest.mark.parametrize("catch_up", [CatchUp.SKIP, CatchUp.ONCE])
async def test_backfill_makes_up_for_every_missed_tick(redis, catch_up: CatchUp) -> None:
    plan = plan_of(("hourly", "@hourly"), catch_up=catch_up)
    scheduler = await stepped(redis, plan)
    scheduler.clock["now"] += 4 * HOUR_MS + 1_800_000
    await scheduler.tick()

    await filled(redis, plan, 4)

    assert sorted(await queued(redis)) == [1, 2, 3, 4]


async def test_backfill_runs_ticks_that_were_skipped_or_refused(redis) -> None:
    job = registration("hourly", unique=Unique())
    plan = plan_of(schedule("hourly", "@hourly"), jobs=(job,))
    scheduler = await stepped(redis, plan)
    for _ in range(2):
        scheduler.clock["now"] += HOUR_MS
        await scheduler.tick()
    assert await filled(redis, plan, 2) == ["done", "locked"]
    await end_all(redis)

    assert await filled(redis, plan, 2) == ["done", "stored"]


@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize("has_ended", [False, True], ids=["waits still", "has ended"])
async def test_tick_that_was_backfilled_while_nothing_ran_is_not_made_up_for_again(
    redis, catch_up: CatchUp, has_ended: bool
) -> None:
    plan = plan_of(("hourly", "@hourly"), catch_up=catch_up)
    await stepped(redis, plan)
    assert await filled(redis, plan, 4) == ["stored"] * 4
    if has_ended:
        await end_all(redis)

    back = await stepped(redis, plan, START_MS + 4 * HOUR_MS + 1_800_000)

    assert await back.tick() == []
    assert await queued(redis) == ([] if has_ended else [1, 2, 3, 4])
    runs = map(json.loads, await redis.hvals(keys.schedule_runs("hourly")))
    assert {run["how"] for run in runs} == {"backfill"}


async def test_backfill_does_not_run_what_waits_or_has_not_come(redis) -> None:
    plan = plan_of(("hourly", "@hourly"), overlap=Overlap.QUEUE)
    scheduler = await stepped(redis, plan)
    for _ in range(3):
        scheduler.clock["now"] += HOUR_MS
        await scheduler.tick()

    assert await filled(redis, plan, 3) == ["done", "waiting", "waiting"]

    soon = utc(time.time() + 7200).replace(minute=0, second=0, microsecond=0)
    (early,) = await backfill(redis, plan, plan.schedules[0], [soon], force=True)
    assert early.answer == "future"


async def test_backfill_knows_the_runs_from_before_a_rename(redis) -> None:
    jobs = (registration("job", handler="a:b"),)
    one = await stepped(redis, plan_of(schedule("old", "@hourly", job="job", type="job"), jobs=jobs))
    one.clock["now"] += HOUR_MS
    await one.tick()
    plan = plan_of(schedule("new", "@hourly", job="job", type="job"), jobs=jobs)
    await Registry(redis).apply(plan)

    assert await filled(redis, plan, 2) == ["done", "stored"]


async def test_paused_schedule_starts_none_of_its_waiting_ticks_until_it_is_resumed(redis) -> None:
    plan = plan_of(("hourly", "@hourly"), overlap=Overlap.QUEUE)
    scheduler = await stepped(redis, plan)
    for _ in range(2):
        scheduler.clock["now"] += HOUR_MS
        await scheduler.tick()
    await scheduler.registry.pause("hourly")
    await end_all(redis)

    assert await scheduler.tick() == []
    assert scheduler.sleep_s() > 1  # it does not ask five times a second for as long as the pause lasts

    await redis.hdel(keys.schedule("hourly"), "paused_ms")
    again = await stepped(redis, plan, scheduler.clock["now"] + 1)
    assert await again.tick() == [("hourly", START + timedelta(hours=2))]


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.ALLOW])
async def test_ticks_that_wait_still_run_when_overlap_is_changed(redis, overlap: Overlap) -> None:
    scheduler = await stepped(redis, plan_of(("hourly", "@hourly"), overlap=Overlap.QUEUE))
    for _ in range(2):
        scheduler.clock["now"] += HOUR_MS
        await scheduler.tick()
    await end_all(redis)

    changed = await stepped(redis, plan_of(("hourly", "@hourly"), overlap=overlap), scheduler.clock["now"] + 1)

    assert await changed.tick() == [("hourly", START + timedelta(hours=2))]


async def test_forced_run_does_not_hide_the_run_before_it(redis) -> None:
    plan = plan_of(("hourly", "@hourly"), overlap=Overlap.SKIP)
    scheduler = await stepped(redis, plan)
    scheduler.clock["now"] += HOUR_MS
    await scheduler.tick()
    forced = await run_now(redis, plan, plan.schedules[0], scheduler.clock["now"] + 5, force=True)
    assert forced.answer == "stored"

    await end(redis, keys.job_id("low", forced.key))
    scheduler.clock["now"] += HOUR_MS
    assert await scheduler.tick() == []  # the first has not ended
    await end(redis, job_of(1))
    scheduler.clock["now"] += HOUR_MS
    assert len(await scheduler.tick()) == 1


async def test_clock_that_was_far_ahead_and_is_set_back_does_not_silence_a_schedule(redis) -> None:
    plan = plan_of(("hourly", "@hourly"))
    registry = Registry(redis)
    now_ms = (await registry.apply(plan)).now_ms
    for ahead_ms, is_kept in ((DAY_MS // 2, True), (365 * DAY_MS, False)):
        await redis.hset(keys.schedule("hourly"), "last_ms", now_ms + ahead_ms)

        last_ms = (await registry.seen(plan)).schedules["hourly"].last_ms

        # what has run in the hours before the clock was set back does not run again
        assert (last_ms == now_ms + ahead_ms) is is_kept
        assert last_ms >= now_ms


async def test_ticks_claimed_between_a_flush_and_the_next_look_are_kept(redis) -> None:
    plan = plan_of(("hourly", "@hourly"))
    scheduler = await stepped(redis, plan)
    await redis.flushdb()
    scheduler.clock["now"] += HOUR_MS
    await scheduler.tick()

    found = (await scheduler.registry.seen(plan)).schedules["hourly"]

    assert (found.status, found.last_ms) == ("added", START_MS + HOUR_MS)
    assert await redis.hget(keys.schedule("hourly"), "type") == b"hourly"
    assert (await scheduler.registry.apply(plan)).schedules["hourly"].last_ms == START_MS + HOUR_MS


async def test_outcomes_are_noted_however_many_runs_end_between_two_looks(redis) -> None:
    scheduler = Scheduler(plan_of(("yearly", "@yearly")), redis)
    await scheduler.begin()
    ended = {f"yearly|{keys.job_id('low', f'cron:yearly:{n}')}": n for n in range(3 * SETTLE_BATCH)}
    await redis.zadd(keys.SCHEDULES_OPEN, ended)
    scheduler._seen_at -= 60

    running = asyncio.create_task(scheduler.run())
    async with asyncio.timeout(10):
        while await redis.zcard(keys.SCHEDULES_OPEN):
            await asyncio.sleep(0.01)

    running.cancel()
