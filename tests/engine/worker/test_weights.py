"""Shares of starts between queues."""

from __future__ import annotations

import asyncio

import pytest

from jobctl import Context
from jobctl.errors import UsageError
from jobctl.spec.model import Scheduling


def declare_backlog(shop, jobs_per_queue: dict[str, int]) -> tuple[list[tuple], list[str]]:
    """Declare one job a queue; return what to enqueue, and the list in which starts appear."""
    started: list[str] = []

    async def work(ctx: Context, i: int) -> None:
        started.append(ctx.queue)

    todo = []
    for queue, count in jobs_per_queue.items():
        shop.job(work, name=f"work-{queue}", queue=queue)
        todo += [(f"work-{queue}", {"i": i}, {}) for i in range(count)]
    return todo, started


@pytest.mark.parametrize("concurrency", [1, 10, 100])
async def test_every_window_of_ten_starts_holds_exactly_6_3_1(shop, concurrency) -> None:
    todo, started = declare_backlog(shop, {"critical": 700, "default": 400, "low": 200})
    await shop.enqueue_many(todo)

    await shop.burst(concurrency=concurrency)

    first = started[:1000]
    assert (first.count("critical"), first.count("default"), first.count("low")) == (600, 300, 100)
    for start in range(991):
        window = first[start : start + 10]
        assert (window.count("critical"), window.count("default"), window.count("low")) == (6, 3, 1), start


async def test_empty_queues_leave_their_share_to_the_others_by_weight(shop) -> None:
    todo, started = declare_backlog(shop, {"default": 300, "low": 100})
    await shop.enqueue_many(todo)

    await shop.burst()

    for start in range(0, 400, 4):
        assert started[start : start + 4].count("default") == 3


async def test_alone_a_light_queue_has_all_slots_and_owes_nothing_later(shop) -> None:
    alone, started = declare_backlog(shop, {"low": 50})
    await shop.enqueue_many(alone)
    await shop.burst()
    assert started == ["low"] * 50
    started.clear()
    todo, started = declare_backlog(shop, {"critical": 60, "default": 30, "low": 10})
    await shop.enqueue_many(todo)

    await shop.burst()

    assert started[:10].count("critical") == 6


async def test_strict_serves_by_descending_weight(shop) -> None:
    todo, started = declare_backlog(shop, {"low": 20, "default": 20, "critical": 20})
    await shop.enqueue_many(todo)
    shop.scheduling = Scheduling.STRICT

    await shop.burst(concurrency=3)

    assert started == ["critical"] * 20 + ["default"] * 20 + ["low"] * 20


async def test_only_the_chosen_queues_are_served(shop) -> None:
    todo, started = declare_backlog(shop, {"critical": 5, "default": 5})
    await shop.enqueue_many(todo)

    await shop.burst(weights={"default": 1})

    assert started == ["default"] * 5
    assert len(await shop.index("queued", "critical")) == 5


async def test_idle_worker_picks_up_from_every_queue(shop) -> None:
    todo, _ = declare_backlog(shop, {"critical": 1, "default": 1, "low": 1})
    shop.start()
    await asyncio.sleep(0.2)  # let it go idle

    keys = await shop.enqueue_many(todo)

    for key, queue in zip(keys, ("critical", "default", "low"), strict=True):
        await shop.until(key, "complete", queue)


async def test_reserved_slots_start_a_queue_though_long_jobs_of_another_hold_all_they_may(shop) -> None:
    release = asyncio.Event()

    async def long(ctx: Context, i: int) -> None:
        await release.wait()

    async def urgent(ctx: Context) -> None: ...

    shop.queues = {"critical": {"reserved": 2}}
    shop.job(long, queue="default")
    shop.job(urgent, queue="critical")
    hogs = await shop.enqueue_many([("long", {"i": i}, {}) for i in range(20)])
    worker = shop.start(concurrency=5)
    await shop.until(hogs[2], "active")

    key = await shop.enqueue("urgent")
    await shop.until(key, "complete", "critical")

    assert len(await shop.index("active")) == 3
    release.set()
    await shop.until(hogs[-1], "complete")
    assert worker.exit_code == 0


async def test_limit_of_a_queue_holds_and_leaves_the_slots_to_others(shop) -> None:
    running = {"default": 0, "low": 0}
    most = dict(running)

    async def work(ctx: Context, i: int) -> None:
        running[ctx.queue] += 1
        most[ctx.queue] = max(most[ctx.queue], running[ctx.queue])
        await asyncio.sleep(0.002)
        running[ctx.queue] -= 1

    shop.queues = {"low": {"max_running": 2}}
    for queue in ("default", "low"):
        shop.job(work, name=f"work-{queue}", queue=queue)
    await shop.enqueue_many([(f"work-{queue}", {"i": i}, {}) for i in range(60) for queue in ("default", "low")])

    await shop.burst(concurrency=8)

    assert most["low"] == 2
    assert most["default"] > 2
    assert len(await shop.index("complete", "low")) == 60


async def test_more_reserved_slots_than_the_worker_has_are_refused(shop) -> None:
    async def work(ctx: Context) -> None: ...

    shop.queues = {"critical": {"reserved": 11}}
    shop.job(work)

    with pytest.raises(UsageError, match="reserve 11 slots, and this worker has 10"):
        await shop.burst()


async def test_reserved_slots_that_leave_none_for_another_queue_are_refused(shop) -> None:
    async def work(ctx: Context) -> None: ...

    shop.queues = {"critical": {"reserved": 6}, "low": {"reserved": 4}}
    shop.job(work)

    with pytest.raises(UsageError, match="reserve all 10 slots of this worker, and none is left for `default`"):
        await shop.burst()
