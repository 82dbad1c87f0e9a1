"""Due jobs start on time, by the server's clock, without polling for them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from jobctl.broker import keys
from jobctl.broker.upkeep import Upkeep
from jobctl.compiler.plan import Schedule
from jobctl.spec.model import Backoff, CatchUp

ON_TIME_S = 0.1
HOUR_S = 3600.0
real_time = time.time


def every_second(job: str) -> Schedule:
    return Schedule(
        id=job, job=job, type=job, queue="default", expression="@every 1s", timezone="UTC", payload={},
        catch_up=CatchUp.ALL,
    )  # fmt: skip


def declare(shop: Any, late: dict[str, list[float]]) -> None:
    failed_at: dict[str, float] = {}

    async def tick(ctx: Any) -> None:
        late.setdefault("cron", []).append(real_time() - ctx.tick.timestamp())

    async def later(ctx: Any, due_ms: int) -> None:
        late.setdefault("delayed", []).append(real_time() - due_ms / 1000)

    async def again(ctx: Any) -> None:
        if ctx.attempt == 1:
            failed_at[ctx.key] = real_time()
            raise ValueError("once")
        late.setdefault("retried", []).append(real_time() - failed_at[ctx.key] - 0.4)

    for function in (tick, later):
        shop.job(function)
    shop.job(again, backoff=Backoff(delay_s=0.4, factor=1.0, max_s=1.0, jitter=0.0))
    plan = replace(shop.plan(), schedules=(every_second("tick"),))
    shop.plan = lambda: plan


async def run_some(shop: Any, late: dict[str, list[float]]) -> None:
    shop.start(run_scheduler=True)
    now_ms = round(real_time() * 1000)
    for n in range(10):
        due_ms = now_ms + 300 + 137 * n
        await shop.enqueue("later", {"due_ms": due_ms}, at_ms=due_ms)
        await shop.enqueue("again")
    await shop.eventually(
        lambda: all(len(late.get(k, ())) >= n for k, n in (("delayed", 10), ("retried", 10), ("cron", 2)))
    )


async def test_cron_delayed_and_retried_jobs_start_within_a_tenth_of_a_second(shop) -> None:
    late: dict[str, list[float]] = {}
    declare(shop, late)

    await run_some(shop, late)

    # On a busy machine a few may be later; that the rule is kept shows in nearly all of them.
    for kind, found in late.items():
        assert min(found) > -0.002, kind
        assert sorted(found)[len(found) * 8 // 10 - 1] < ON_TIME_S, kind


@pytest.mark.parametrize("wrong_s", [HOUR_S, -HOUR_S], ids=["fast", "slow"])
async def test_worker_whose_clock_is_wrong_by_an_hour_keeps_the_servers_time(shop, monkeypatch, wrong_s) -> None:
    late: dict[str, list[float]] = {}
    declare(shop, late)
    monkeypatch.setattr(time, "time", lambda: real_time() + wrong_s)

    await run_some(shop, late)

    for kind, found in late.items():
        assert min(found) > -0.002, kind
        assert sorted(found)[len(found) // 2] < 1.0, kind


async def test_thousands_due_at_once_are_queued_in_short_steps(shop) -> None:
    declare(shop, {})
    soon_ms = round(real_time() * 1000) + 1500
    for _ in range(4):
        await shop.enqueue_many([("later", {"due_ms": 0}, {"at_ms": soon_ms})] * 500)
    of = keys.QueueKeys("default")
    upkeep = Upkeep(shop.redis, [of], ())

    async def is_due() -> bool:
        seconds, micros = await shop.redis.time()
        return seconds * 1000 + micros // 1000 > soon_ms

    await shop.eventually(is_due)
    steps = 0
    while await shop.redis.llen(of.queued) < 2000:
        await upkeep.tick()
        steps += 1

    assert steps == 4


async def test_job_a_year_ahead_waits_and_keeps_its_time(shop) -> None:
    declare(shop, {})
    due_ms = round(real_time() * 1000) + 365 * 86_400_000

    key = await shop.enqueue("later", {"due_ms": due_ms}, at_ms=due_ms)
    await shop.burst()

    score = await shop.redis.zscore(keys.QueueKeys("default").incomplete, keys.job_id("default", key))
    assert round(score * 1000) == due_ms
    assert (await shop.record(key))["status"] == "queued"
    assert await shop.redis.ttl(keys.job_id("default", key)) == -1


async def test_idle_worker_asks_little_of_the_broker(shop) -> None:
    declare(shop, {})
    shop.start()
    await shop.eventually(lambda: shop.redis.zcard(keys.WORKERS))
    before = await shop.redis.info("commandstats")
    started_at = asyncio.get_running_loop().time()

    await asyncio.sleep(2)

    after = await shop.redis.info("commandstats")
    elapsed_s = asyncio.get_running_loop().time() - started_at
    calls = after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"]
    assert calls / elapsed_s < 5
