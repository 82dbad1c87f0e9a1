"""Schedules are stored by id: added, changed, renamed, removed, and put back."""

from __future__ import annotations

import time
from typing import Any

from tests.engine.scheduler._plans import START_MS, plan_of, registration, schedule, stepped

from jobctl.broker import keys
from jobctl.scheduler.registry import FORGET_S, UNSEEN_S, Registry
from jobctl.spec.model import Overlap

HOUR_MS = 3_600_000
LOW = keys.QueueKeys("low")


async def statuses(redis: Any, plan: Any) -> dict[str, str]:
    applied = await Registry(redis).apply(plan)
    return {schedule_id: one.status for schedule_id, one in applied.schedules.items()}


async def unseen(redis: Any, schedule_id: str, seconds: float) -> None:
    await redis.zadd(keys.SCHEDULES, {schedule_id: int((time.time() - seconds) * 1000)})


async def test_plan_applied_twice_changes_nothing(redis) -> None:
    plan = plan_of(("hourly", "@hourly"))

    assert await statuses(redis, plan) == {"hourly": "added"}
    assert await statuses(redis, plan) == {"hourly": "same"}


async def test_changed_times_begin_with_the_change(redis) -> None:
    await statuses(redis, plan_of(("one", "@hourly")))
    await redis.hset(keys.schedule("one"), "last_ms", START_MS)

    applied = await Registry(redis).apply(plan_of(("one", "@daily")))

    one = applied.schedules["one"]
    assert (one.status, one.last_ms) == ("changed", applied.now_ms)


async def test_change_of_anything_else_keeps_the_last_tick(redis) -> None:
    await statuses(redis, plan_of(("one", "@hourly")))
    await redis.hset(keys.schedule("one"), "last_ms", START_MS)

    applied = await Registry(redis).apply(plan_of(("one", "@hourly"), overlap=Overlap.SKIP))

    assert (applied.schedules["one"].status, applied.schedules["one"].last_ms) == ("changed", START_MS)


async def test_rename_does_not_fire_twice_while_old_and_new_workers_run(redis) -> None:
    job = registration("clean")
    old_plan = plan_of(schedule("clean", "@hourly"), jobs=(job,))
    new_plan = plan_of(schedule("clean/night", "@hourly", job="clean", type="clean"), jobs=(job,))
    old = await stepped(redis, old_plan)
    new = await stepped(redis, new_plan)
    again = await stepped(redis, old_plan)
    stored = []

    for _ in range(6):
        for one in (old, new, again):
            one.clock["now"] += HOUR_MS
            stored += await one.tick()

    assert len(stored) == await redis.llen(LOW.queued) == 6
    assert {schedule_id for schedule_id, _ in stored} == {"clean"}  # the old one came first each time
    assert await redis.zrange(keys.SCHEDULES, 0, -1) == [b"clean/night"]


async def test_renamed_schedule_keeps_its_history_its_pause_and_its_last_tick(redis) -> None:
    one = await stepped(redis, plan_of(schedule("old", "@hourly"), jobs=(registration("old", handler="a:b"),)))
    one.clock["now"] += HOUR_MS
    await one.tick()
    await one.registry.pause("old")

    renamed = plan_of(schedule("new", "@hourly"), jobs=(registration("new", handler="a:b"),))
    applied = await Registry(redis).apply(renamed)

    found = applied.schedules["new"]
    assert (found.status, found.former, found.last_ms) == ("renamed", "old", START_MS + HOUR_MS)
    assert await redis.hexists(keys.schedule("new"), "paused_ms")
    assert await redis.zcard(keys.schedule_history("new")) == 1
    assert not await redis.exists(keys.schedule("old"))


async def test_former_id_with_another_meaning_is_a_schedule_of_its_own_again(redis) -> None:
    jobs = (registration("job", handler="a:b"),)
    await statuses(redis, plan_of(schedule("old", "@hourly", job="job", type="job"), jobs=jobs))
    await statuses(redis, plan_of(schedule("new", "@hourly", job="job", type="job"), jobs=jobs))

    both = plan_of(
        schedule("new", "@hourly", job="job", type="job"), schedule("old", "@daily", job="job", type="job"), jobs=jobs
    )

    assert await statuses(redis, both) == {"new": "same", "old": "added"}


async def test_schedule_taken_out_of_the_spec_is_removed_and_starts_anew_when_put_back(redis) -> None:
    job = registration("job")
    both = plan_of(
        schedule("job/1", "@hourly", job="job", type="job"), schedule("job/2", "@daily", job="job", type="job")
    )
    one = plan_of(schedule("job/1", "@hourly", job="job", type="job"), jobs=(job,))
    await statuses(redis, both)
    await redis.hset(keys.schedule("job/2"), "last_ms", START_MS)

    assert (await Registry(redis).apply(one)).removed == ()  # others may have it still
    await unseen(redis, "job/2", UNSEEN_S + 1)
    assert (await Registry(redis).seen(one)).removed == ("job/2",)
    assert (await Registry(redis).seen(one)).removed == ()

    back = await Registry(redis).apply(both)
    assert (back.schedules["job/2"].status, back.schedules["job/2"].last_ms) == ("added", back.now_ms)


async def test_schedule_of_another_spec_on_the_same_broker_is_left_alone_and_catches_up(redis) -> None:
    await statuses(redis, plan_of(("theirs", "@hourly")))
    await redis.hset(keys.schedule("theirs"), "last_ms", START_MS)
    await unseen(redis, "theirs", UNSEEN_S + 1)

    assert (await Registry(redis).apply(plan_of(("ours", "@hourly")))).removed == ()

    applied = await Registry(redis).apply(plan_of(("theirs", "@hourly")))
    assert (applied.schedules["theirs"].status, applied.schedules["theirs"].last_ms) == ("same", START_MS)


async def test_schedule_nobody_has_had_for_months_is_forgotten(redis) -> None:
    await statuses(redis, plan_of(("theirs", "@hourly")))
    await unseen(redis, "theirs", FORGET_S + 1)

    await Registry(redis).seen(plan_of(("ours", "@hourly")))

    assert not await redis.exists(keys.schedule("theirs"))
    assert await redis.zrange(keys.SCHEDULES, 0, -1) == [b"ours"]


async def test_flushed_broker_knows_the_schedules_again_at_the_next_look(redis) -> None:
    plan = plan_of(("hourly", "@hourly"))
    await statuses(redis, plan)
    await redis.flushdb()

    applied = await Registry(redis).seen(plan)

    assert applied.schedules["hourly"].status == "added"
    assert await redis.hget(keys.schedule("hourly"), "type") == b"hourly"
