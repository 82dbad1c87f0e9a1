"""Each tick once, whatever the number of schedulers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from jobctl.broker import keys
from jobctl.broker.connect import connect
from jobctl.broker.record import read_fields
from jobctl.compiler.plan import Plan, QueuePlan, Registration, Schedule
from jobctl.scheduler.ticker import Scheduler
from jobctl.spec.model import Backoff, CatchUp, Scheduling

START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def plan_of(*schedules: tuple[str, str], catch_up: CatchUp = CatchUp.ONCE) -> Plan:
    jobs = tuple(
        Registration(
            name=name, type=name, handler="a:b", queue="low", summary="", attempts=1, timeout_s=10, heartbeat_s=0,
            retention_s=60, dead_retention_s=60, max_crashes=3, backoff=Backoff(), unique=None, payload=(), alert=(),
            tags=(),
        )
        for name, _ in schedules
    )  # fmt: skip
    return Plan(
        queues=(QueuePlan(name="low", weight=1, share=1.0),),
        scheduling=Scheduling.WEIGHTED,
        registrations=jobs,
        schedules=tuple(
            Schedule(
                id=name, job=name, type=name, queue="low", expression=expression, timezone="UTC", payload={},
                catch_up=catch_up,
            )
            for name, expression in schedules
        ),
    )  # fmt: skip


class Stepped(Scheduler):
    """A scheduler on a clock that the test steps."""

    def __init__(self, plan: Plan, server: Any, clock: dict[str, float]) -> None:
        super().__init__(plan, server)
        self.clock = clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock["now"], UTC)

    async def begin(self) -> None:
        for schedule in self.plan.schedules:
            await self._server.hsetnx(keys.SCHEDULES, schedule.id, str(int(START * 1000)))
        for schedule in self.plan.schedules:
            self._last_ms[schedule.id] = int(START * 1000)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def test_five_schedulers_claim_every_tick_of_a_day_once(redis) -> None:
    plan = plan_of(("hourly", "@hourly"), ("quarterly", "*/15 * * * *"), ("nightly", "0 2 * * *"))
    clock = {"now": START}
    fleet = [Stepped(plan, redis, clock) for _ in range(5)]
    for scheduler in fleet:
        await scheduler.begin()
    claimed: Counter[tuple[str, datetime]] = Counter()

    for _ in range(24 * 12):
        clock["now"] += 300
        for found in await asyncio.gather(*(scheduler.tick() for scheduler in fleet)):
            claimed.update(found)

    assert set(claimed.values()) == {1}
    assert Counter(schedule for schedule, _ in claimed) == {"hourly": 24, "quarterly": 96, "nightly": 1}
    assert await redis.llen(keys.QueueKeys("low").queued) == 121


async def test_two_schedules_of_one_interval_do_not_collapse_and_name_their_tick(redis) -> None:
    plan = plan_of(("one", "@hourly"), ("two", "@hourly"))
    scheduler = Stepped(plan, redis, {"now": START + 3601})
    await scheduler.begin()

    await scheduler.tick()

    raw = await redis.get(keys.job_id("low", f"cron:two:{int(START) + 3600}"))
    schedule = read_fields(raw)["meta"]["jobctl"]["schedule"]
    assert schedule == {"id": "two", "tick_ms": int((START + 3600) * 1000)}
    assert await redis.llen(keys.QueueKeys("low").queued) == 2


@pytest.mark.parametrize(("catch_up", "expected"), [(CatchUp.SKIP, 0), (CatchUp.ONCE, 1), (CatchUp.ALL, 10)])
async def test_ticks_missed_while_nothing_ran_are_caught_up_as_declared(redis, catch_up, expected) -> None:
    plan = plan_of(("hourly", "@hourly"), catch_up=catch_up)
    before = Stepped(plan, redis, {"now": START})
    await before.begin()

    after = Stepped(plan, redis, {"now": START + 10 * 3600 + 1800})
    await after.begin()
    claimed = await after.tick()

    assert len(claimed) == expected


async def test_new_schedule_starts_now_and_not_in_the_past(redis) -> None:
    scheduler = Scheduler(plan_of(("hourly", "@hourly")), redis)

    await scheduler.begin()

    assert await scheduler.tick() == []


async def test_brokers_clock_decides_and_not_the_hosts(redis) -> None:
    scheduler = Scheduler(plan_of(("hourly", "@hourly")), redis)

    scheduler.set_clock(int(START * 1000))

    assert abs(scheduler.now().timestamp() - START) < 1.0
