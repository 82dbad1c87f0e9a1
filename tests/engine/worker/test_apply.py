"""A running worker takes another plan, and no job is dropped."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from jobctl.broker.applied import read_plan
from jobctl.clock import utc
from jobctl.compiler.handlers import Handler
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Schedule
from jobctl.errors import UsageError
from jobctl.spec.model import CatchUp
from jobctl.worker.hooks import WorkerHooks
from jobctl.worker.worker import Worker


def again(shop: Any, worker: Worker, *, plan: Plan | None = None, **options: Any) -> bool:
    """Apply the workshop's jobs as they are declared now."""
    handlers = {
        name: Handler(
            type=job.type,
            function=shop.functions[name],
            is_async=asyncio.iscoroutinefunction(shop.functions[name]),
            registration=job,
            schema=PayloadSchema(name, job.payload),
        )
        for name, job in shop.registrations.items()
    }
    return worker.apply(plan or shop.plan(), handlers, hooks=shop.hooks, **options)


async def test_new_job_is_served(shop) -> None:
    async def old(ctx): ...

    async def new(ctx):
        return "new"

    shop.job(old)
    worker = shop.start()
    await asyncio.wait_for(worker.started.wait(), 10)
    shop.job(new)

    assert again(shop, worker) is False

    record = await shop.until(await shop.enqueue("new"), "complete")
    assert record["result"] == "new"


async def test_run_under_way_ends_as_it_began(shop) -> None:
    gate, began = asyncio.Event(), asyncio.Event()

    async def work(ctx):
        began.set()
        await gate.wait()
        return "before"

    shop.job(work)
    worker = shop.start()
    key = await shop.enqueue("work")
    await asyncio.wait_for(began.wait(), 10)

    async def after(ctx):
        return "after"

    shop.job(after, name="work")
    assert again(shop, worker) is False
    second = await shop.until(await shop.enqueue("work"), "complete")
    gate.set()
    first = await shop.until(key, "complete")

    assert (first["result"], second["result"]) == ("before", "after")
    assert first["attempts"] == 1


async def test_job_that_is_taken_away_fails_as_an_unknown_one(shop) -> None:
    async def old(ctx): ...

    async def kept(ctx): ...

    shop.job(old, retries=0)
    shop.job(kept)
    worker = shop.start()
    await asyncio.wait_for(worker.started.wait(), 10)
    key_of = shop.registrations["old"]
    del shop.registrations["old"]
    again(shop, worker)

    shop.registrations["old"] = key_of
    record = await shop.until(await shop.enqueue("old"), "failed")

    assert "kept" in record["error"] or "old" in record["error"]


async def test_other_queues_take_a_new_session_without_dropping_a_job(shop) -> None:
    gate = asyncio.Event()
    runs: list[int] = []

    async def work(ctx, n):
        await gate.wait()
        runs.append(n)

    shop.job(work)
    worker = shop.start(concurrency=2)
    keys = [await shop.enqueue("work", {"n": n}) for n in range(6)]
    await shop.eventually(lambda: worker._session is not None and len(worker._session.execution.running) == 2)
    shop.weights = {"default": 2, "other": 8}

    assert again(shop, worker) is True
    gate.set()

    for key in keys:
        assert (await shop.until(key, "complete"))["attempts"] == 1
    assert sorted(runs) == list(range(6))
    other = await shop.enqueue("work", {"n": 9}, queue="other")
    assert (await shop.until(other, "complete", "other"))["queue"] == "other"
    assert worker.weights == {"default": 2, "other": 8}


async def test_job_that_outlasts_the_grace_is_handed_back_and_costs_no_retry(shop) -> None:
    began = asyncio.Event()
    stuck = True

    async def work(ctx):
        if stuck:
            began.set()
            await asyncio.Event().wait()

    shop.job(work)
    worker = shop.start(grace_s=0.05)
    key = await shop.enqueue("work")
    await asyncio.wait_for(began.wait(), 10)
    stuck = False
    shop.weights = {"default": 1}

    assert again(shop, worker) is True

    assert (await shop.until(key, "complete"))["attempts"] == 1


async def test_hooks_of_a_new_session_are_called(shop) -> None:
    calls: list[str] = []

    def hooks(name: str) -> WorkerHooks:
        return WorkerHooks(
            startup=lambda state: calls.append(f"{name} up"), shutdown=lambda state: calls.append(f"{name} down")
        )

    async def work(ctx): ...

    shop.job(work)
    shop.hooks = hooks("one")
    worker = shop.start()
    await asyncio.wait_for(worker.started.wait(), 10)
    shop.hooks = hooks("two")

    assert again(shop, worker) is True
    await shop.until(await shop.enqueue("work"), "complete")

    assert calls == ["one up", "one down", "two up"]


async def test_startup_that_fails_brings_the_former_plan_back(shop) -> None:
    def fail(state: dict[str, Any]) -> None:
        raise RuntimeError("no database")

    async def work(ctx):
        return "served"

    shop.job(work)
    worker = shop.start()
    await asyncio.wait_for(worker.started.wait(), 10)
    shop.hooks = WorkerHooks(startup=fail)

    assert again(shop, worker) is True

    assert (await shop.until(await shop.enqueue("work"), "complete"))["result"] == "served"


@pytest.mark.parametrize("how", ["signal", "request"])
async def test_stop_while_beginning_anew_stops(shop, how: str) -> None:
    gate, began = asyncio.Event(), asyncio.Event()

    async def work(ctx):
        began.set()
        await gate.wait()

    shop.job(work)
    worker = shop.start()
    await shop.enqueue("work")
    await asyncio.wait_for(began.wait(), 10)
    shop.weights = {"default": 1}
    again(shop, worker)

    if how == "signal":
        worker._on_signal(15)
    else:
        worker.request_stop()
    gate.set()

    assert await asyncio.wait_for(shop.workers[0], 10) == 0


async def test_plan_that_reserves_too_much_is_refused_and_the_old_one_stays(shop) -> None:
    async def work(ctx): ...

    shop.job(work)
    worker = shop.start(concurrency=2)
    await asyncio.wait_for(worker.started.wait(), 10)
    plan = shop.plan()
    greedy = replace(plan, queues=tuple(replace(queue, reserved=2) for queue in plan.queues))

    with pytest.raises(UsageError):
        again(shop, worker, plan=greedy)

    assert (await shop.until(await shop.enqueue("work"), "complete"))["status"] == "complete"


async def test_new_schedules_tick_and_the_plan_is_left_in_the_broker(shop) -> None:
    async def work(ctx): ...

    shop.job(work)
    worker = shop.start(run_scheduler=True)
    await asyncio.wait_for(worker.started.wait(), 10)
    often = Schedule(
        id="work",
        job="work",
        type="work",
        queue="default",
        expression="@every 1s",
        timezone="UTC",
        payload={},
        catch_up=CatchUp.ONCE,
    )

    assert again(shop, worker, plan=replace(shop.plan(), schedules=(often,), fingerprint="second")) is False

    async def ticked() -> bool:
        return bool(await shop.index("complete"))

    await shop.eventually(ticked)
    left = await read_plan(shop.redis)
    assert left is not None
    assert left.facts["fingerprint"] == "second"
    assert left.worker == worker.id
    assert utc(left.at_ms / 1000).year >= 2024


async def test_many_plans_in_a_row_end_with_the_last(shop) -> None:
    async def work(ctx): ...

    shop.job(work)
    worker = shop.start(run_scheduler=True)
    await asyncio.wait_for(worker.started.wait(), 10)

    for n in range(20):
        again(shop, worker, plan=replace(shop.plan(), fingerprint=str(n)))

    async def is_last() -> bool:
        left = await read_plan(shop.redis)
        return left is not None and left.facts["fingerprint"] == "19"

    await shop.eventually(is_last)
    assert (await shop.until(await shop.enqueue("work"), "complete"))["status"] == "complete"
