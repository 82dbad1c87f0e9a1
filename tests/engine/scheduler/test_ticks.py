"""Which ticks are due: pure, for any course of time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.scheduler._plans import START, plan_of, schedule

from jobctl.clock import utc
from jobctl.errors import UsageError
from jobctl.scheduler.backfill import ticks_between
from jobctl.scheduler.ticker import Scheduler
from jobctl.scheduler.ticks import due_ticks
from jobctl.spec.model import CatchUp

EXPRESSIONS = st.sampled_from(["@hourly", "*/20 * * * *", "30 2 * * *", "@every 45m", "15 0 9-17 * * mon-fri"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"])
STEPS_S = st.lists(st.integers(1, 30_000), min_size=1, max_size=40)
SPRING = datetime(2026, 3, 27, tzinfo=UTC)


@settings(max_examples=50, deadline=None)
@given(expression=EXPRESSIONS, zone=ZONES, steps_s=STEPS_S, policy=st.sampled_from(CatchUp))
def test_no_tick_is_due_twice_and_all_means_all(expression, zone, steps_s, policy) -> None:
    one = schedule("one", expression, timezone=zone, catch_up=policy)
    now = last = SPRING
    due: list[int] = []

    for step_s in steps_s:
        now += timedelta(seconds=step_s)
        found = due_ticks(one, last, now)
        due += [tick.tick_ms for tick in found if tick.how == "tick"]
        last = utc(found[-1].tick_ms / 1000) if found else last

    half = timedelta(milliseconds=500)  # ticks are whole seconds
    expected = [round(tick.timestamp() * 1000) for tick in ticks_between(one, SPRING + half, now + half)]
    assert due == sorted(set(due))
    assert set(due) <= set(expected)
    if policy is CatchUp.ALL:
        assert due == expected
    if policy is CatchUp.ONCE and expected:
        assert due[-1] == expected[-1]


def test_the_run_for_missed_ticks_says_for_how_many_it_stands() -> None:
    (due,) = due_ticks(schedule("one", "@hourly"), START, START + timedelta(hours=7, minutes=30))

    assert (due.how, due.count) == ("tick", 7)


def test_ticks_between_are_bounded_and_include_the_first_moment() -> None:
    one = schedule("one", "@daily")

    assert len(ticks_between(one, START, START + timedelta(days=3))) == 3
    with pytest.raises(UsageError, match="more than 10,000 ticks"):
        ticks_between(schedule("one", "@every 1s"), START, START + timedelta(days=3))


async def test_idle_scheduler_asks_the_broker_nothing_between_ticks(redis) -> None:
    scheduler = Scheduler(plan_of(*((f"job-{n}", "@yearly") for n in range(50))), redis)
    running = asyncio.create_task(scheduler.run())
    while scheduler._seen_at == float("-inf"):
        await asyncio.sleep(0.01)
    before = (await redis.info("stats"))["total_commands_processed"]

    await asyncio.sleep(1)

    after = (await redis.info("stats"))["total_commands_processed"]
    running.cancel()
    assert after - before <= 1  # the question itself
