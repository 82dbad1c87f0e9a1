"""Each tick once, whatever the number of schedulers, and what the policies make of the others."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.engine.scheduler._plans import START_MS, plan_of, registration, schedule, stepped

from jobctl.broker import keys
from jobctl.broker.record import read_fields
from jobctl.scheduler.claim import Claims, claim
from jobctl.scheduler.ticker import Scheduler
from jobctl.spec.model import CatchUp, FieldType, Overlap, PayloadField, Unique

HOUR_MS = 3_600_000
LOW = keys.QueueKeys("low")


def hours(claimed: list[tuple[str, datetime]]) -> list[float]:
    return [(tick.timestamp() * 1000 - START_MS) / HOUR_MS for _, tick in claimed]


async def end_all(redis: Any) -> None:
    """Make every stored job look ended."""
    await redis.delete(LOW.queued, LOW.incomplete)


async def history(redis: Any, schedule_id: str) -> list[tuple[int, str]]:
    found = await redis.hgetall(keys.schedule_runs(schedule_id))
    return sorted((run["tick_ms"], run["how"]) for run in map(json.loads, found.values()))


async def test_two_schedules_of_one_interval_do_not_collapse_and_name_their_tick(redis) -> None:
    scheduler = await stepped(redis, plan_of(("one", "@hourly"), ("two", "@hourly")))
    scheduler.clock["now"] += HOUR_MS + 1000

    await scheduler.tick()

    raw = await redis.get(keys.job_id("low", f"cron:two:{(START_MS + HOUR_MS) // 1000}"))
    assert read_fields(raw)["meta"]["jobctl"]["schedule"] == {"id": "two", "tick_ms": START_MS + HOUR_MS}
    assert await redis.llen(LOW.queued) == 2


@pytest.mark.parametrize(
    ("options", "expected", "noted"),
    [
        ({"catch_up": CatchUp.SKIP}, [], "missed"),
        ({"catch_up": CatchUp.ONCE}, [10], "tick"),
        ({"catch_up": CatchUp.ALL}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "tick"),
        ({"catch_up": CatchUp.ALL, "catch_up_window_s": 3 * 3600.0}, [8, 9, 10], "tick"),
        ({"catch_up": CatchUp.ONCE, "catch_up_window_s": 600.0}, [], "missed"),
    ],
)
async def test_ticks_missed_while_nothing_ran_are_made_up_for_as_declared(redis, options, expected, noted) -> None:
    plan = plan_of(("hourly", "@hourly"), **options)
    await stepped(redis, plan)

    after = await stepped(redis, plan, START_MS + 10 * HOUR_MS + 1_800_000)
    claimed = await after.tick()

    assert hours(claimed) == expected
    assert {how for _, how in await history(redis, "hourly")} == {noted}
    assert await after.tick() == []


@pytest.mark.parametrize("catch_up", CatchUp)
async def test_stall_of_seconds_is_no_downtime_and_each_tick_runs(redis, catch_up) -> None:
    scheduler = await stepped(redis, plan_of(("often", "@every 1s"), catch_up=catch_up))
    scheduler.clock["now"] += 4_500

    assert len(await scheduler.tick()) == 4


async def test_late_tick_runs_although_missed_ones_are_skipped(redis) -> None:
    scheduler = await stepped(redis, plan_of(("hourly", "@hourly"), catch_up=CatchUp.SKIP))
    scheduler.clock["now"] += HOUR_MS + 30_000

    assert hours(await scheduler.tick()) == [1]


async def test_new_schedule_starts_now_and_not_in_the_past(redis) -> None:
    scheduler = Scheduler(plan_of(("hourly", "@hourly"), catch_up=CatchUp.ALL), redis)

    await scheduler.begin()

    assert await scheduler.tick() == []


async def test_brokers_clock_decides_and_not_the_hosts(redis, monkeypatch) -> None:
    monkeypatch.setattr("time.time", lambda: 0.0)
    scheduler = Scheduler(plan_of(("hourly", "@hourly")), redis)

    await scheduler.begin()

    seconds, micros = await redis.time()
    assert abs(scheduler.now().timestamp() - (seconds + micros / 1e6)) < 0.5


async def test_sleeping_scheduler_wakes_when_the_brokers_clock_steps(redis) -> None:
    scheduler = Scheduler(plan_of(("yearly", "@yearly")), redis)
    await scheduler.begin()
    running = asyncio.create_task(scheduler.run())
    await asyncio.sleep(0)
    next_ms = scheduler._tracks[0].next_ms
    assert next_ms is not None

    scheduler.set_clock(next_ms + 100)
    async with asyncio.timeout(5):
        while not await redis.llen(LOW.queued):
            await asyncio.sleep(0.01)

    running.cancel()


async def test_start_and_end_bound_the_ticks(redis) -> None:
    one = schedule("hourly", "@hourly", start_ms=START_MS + 2 * HOUR_MS, end_ms=START_MS + 4 * HOUR_MS)
    scheduler = await stepped(redis, plan_of(one))
    claimed = []

    for _ in range(8):
        scheduler.clock["now"] += HOUR_MS
        claimed += await scheduler.tick()

    assert hours(claimed) == [2, 3]
    assert scheduler.sleep_s() > 1


async def test_jitter_delays_each_tick_by_the_same_for_every_scheduler(redis) -> None:
    plan = plan_of(("hourly", "@hourly"), jitter_s=600.0)
    sealed = [claim(plan, plan.schedules[0], START_MS + n * HOUR_MS) for n in range(1, 50)]

    delays = [one.at_ms - START_MS - n * HOUR_MS for n, one in enumerate(sealed, 1)]

    assert all(0 <= delay <= 600_000 for delay in delays)
    assert len(set(delays)) > 40
    again = [claim(plan, plan.schedules[0], START_MS + n * HOUR_MS).at_ms for n in range(1, 50)]
    assert again == [one.at_ms for one in sealed]


async def test_paused_schedule_makes_no_jobs_and_resumes_from_now(redis) -> None:
    scheduler = await stepped(redis, plan_of(("hourly", "@hourly"), catch_up=CatchUp.ALL))
    assert await scheduler.registry.pause("hourly")
    assert not await scheduler.registry.pause("hourly")
    scheduler.clock["now"] += 3 * HOUR_MS
    assert await scheduler.tick() == []

    assert await scheduler.registry.resume("hourly")
    assert not await scheduler.registry.resume("hourly")
    await redis.hset(keys.schedule("hourly"), "last_ms", START_MS + 3 * HOUR_MS)  # the test's clock, not the server's
    scheduler.clock["now"] += HOUR_MS

    assert hours(await scheduler.tick()) == [4]


async def test_pausing_a_schedule_nobody_stored_says_so(redis) -> None:
    scheduler = await stepped(redis, plan_of(("hourly", "@hourly")))

    assert not await scheduler.registry.pause("other")


class TestOverlap:
    async def test_allow_runs_beside_the_earlier_run(self, redis) -> None:
        assert await self.claimed(redis, Overlap.ALLOW) == [1, 2, 3]

    async def test_skip_leaves_out_ticks_while_the_earlier_run_has_not_ended(self, redis) -> None:
        assert await self.claimed(redis, Overlap.SKIP) == [1]
        assert [how for _, how in await history(redis, "hourly")] == ["tick", "skipped", "skipped"]

    async def test_skip_is_not_blocked_by_a_run_whose_record_is_gone(self, redis) -> None:
        scheduler = await stepped(redis, plan_of(("hourly", "@hourly"), overlap=Overlap.SKIP))
        scheduler.clock["now"] += HOUR_MS
        await scheduler.tick()
        await redis.delete(keys.job_id("low", f"cron:hourly:{(START_MS + HOUR_MS) // 1000}"))
        scheduler.clock["now"] += HOUR_MS

        assert hours(await scheduler.tick()) == [2]

    async def test_queue_runs_each_tick_after_the_run_before_it_also_after_a_restart(self, redis) -> None:
        plan = plan_of(("hourly", "@hourly"), overlap=Overlap.QUEUE)
        assert await self.claimed(redis, Overlap.QUEUE) == [1]
        successor = await stepped(redis, plan, START_MS + 3 * HOUR_MS + 1)
        assert await successor.tick() == []
        assert successor.sleep_s() < 1

        await end_all(redis)
        second = await successor.tick()
        assert await successor.tick() == []
        await end_all(redis)
        third = await successor.tick()

        assert hours(second + third) == [2, 3]
        await successor.tick()
        assert successor.sleep_s() > 1

    async def claimed(self, redis: Any, overlap: Overlap) -> list[float]:
        scheduler = await stepped(redis, plan_of(("hourly", "@hourly"), overlap=overlap))
        claimed = []
        for _ in range(3):
            scheduler.clock["now"] += HOUR_MS
            claimed += await scheduler.tick()
        return hours(claimed)


async def test_tick_whose_unique_lock_is_held_is_noted(redis) -> None:
    job = registration("sync", unique=Unique())
    scheduler = await stepped(redis, plan_of(schedule("sync", "@hourly"), jobs=(job,)))
    for _ in range(2):
        scheduler.clock["now"] += HOUR_MS
        await scheduler.tick()

    assert [how for _, how in await history(redis, "sync")] == ["tick", "locked"]


async def test_schedule_whose_payload_is_at_fault_does_not_stop_the_others(redis, caplog) -> None:
    job = registration("bad", payload=(PayloadField(name="id", type=FieldType.INT),))
    scheduler = await stepped(redis, plan_of(schedule("bad", "@hourly"), ("good", "@hourly"), jobs=(job,)))
    scheduler.clock["now"] += HOUR_MS

    assert await scheduler.tick() == [("good", datetime.fromtimestamp(START_MS / 1000 + 3600, UTC))]
    assert await scheduler.tick() == []
    assert [(line.message, line.schedule) for line in caplog.records if line.levelname == "ERROR"] == [
        ("schedule stopped", "bad")
    ]


async def test_claim_sent_again_after_a_lost_answer_stores_nothing_more(redis) -> None:
    plan = plan_of(("hourly", "@hourly"))
    await stepped(redis, plan)
    sealed = claim(plan, plan.schedules[0], START_MS + HOUR_MS)
    claims = Claims(redis)

    answers = [*await claims.send([sealed]), *await claims.send([sealed])]

    assert answers == ["stored", "claimed"]
    assert await redis.llen(LOW.queued) == 1


async def test_history_keeps_the_latest_runs_with_their_outcomes(redis) -> None:
    scheduler = await stepped(redis, plan_of(("often", "@every 1s"), catch_up=CatchUp.ALL))
    scheduler.clock["now"] += 520_000
    await scheduler.tick()
    first = keys.job_id("low", f"cron:often:{START_MS // 1000 + 1}")
    await redis.set(first, json.dumps({"function": "often", "status": "failed", "error": "Boom: no", "queue": "low"}))
    await redis.zrem(LOW.incomplete, first)

    assert await scheduler.registry.settle() == 1

    assert await redis.zcard(keys.schedule_history("often")) == 500
    last = keys.job_id("low", f"cron:often:{START_MS // 1000 + 520}")
    await redis.set(last, json.dumps({"function": "often", "status": "complete", "started": 7, "completed": 9}))
    await redis.zrem(LOW.incomplete, last)
    for _ in range(3):  # those that have not ended make room for the others
        await scheduler.registry.settle()
    run = json.loads(await redis.hget(keys.schedule_runs("often"), last.partition("low:")[2]))
    assert (run["outcome"], run["started_ms"], run["ended_ms"]) == ("complete", 7, 9)
