"""Client, worker and inspector together: what one writes the others read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from jobctl.client import Client, Enqueued, NewJob
from jobctl.compiler.handlers import Handler
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan
from jobctl.errors import JobStateError
from jobctl.inspector import Inspector, where
from jobctl.inspector.deeds import Deed
from jobctl.outcomes import Cancel, Dead
from jobctl.records import JobState
from jobctl.worker.worker import Worker


@pytest.fixture
def inspector(broker: Redis, plan: Plan) -> Inspector:
    """With the real clock: workers write real times."""
    return Inspector(broker, plan)


@pytest.fixture
async def client(plan: Plan, redis_url: str) -> AsyncIterator[Client]:
    async with Client(plan, redis_url) as client:
        yield client


def worker(plan: Plan, url: str, function: Callable[..., Any], **options: Any) -> Worker:
    """A worker that runs this function for every job of the plan."""
    handlers = {
        each.type: Handler(
            type=each.type,
            function=function,
            is_async=True,
            registration=each,
            schema=PayloadSchema(each.name, each.payload),
        )
        for each in plan.registrations
    }
    return Worker.for_plan(plan, handlers, url=url, run_scheduler=False, **options)


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        await worker.stop()
        await task


async def test_a_client_that_waits_gets_the_result(client: Client, plan: Plan, redis_url: str) -> None:
    async def greet(ctx: Any, to: str, password: str) -> dict[str, str]:
        return {"greeted": to}

    async with running(worker(plan, redis_url, greet)):
        job = await client.enqueue("mail-send", to="a@example.org", password="secret")
        record = await client.wait(job, timeout=20)

    assert (record.state, record.result, record.attempts) == (JobState.COMPLETE, {"greeted": "a@example.org"}, 1)


async def test_a_dead_job_is_listed_with_its_history_and_replayed_to_success(
    client: Client, inspector: Inspector, plan: Plan, redis_url: str
) -> None:
    async def fussy(ctx: Any, to: str | None, password: str | None) -> None:
        if (await inspector.job(ctx.key)).origin is None:
            raise Dead("not today")

    job = await client.enqueue("mail-send", to="a@example.org")
    await worker(plan, redis_url, fussy, burst=True).run()

    (dead,) = await inspector.jobs(where(state="dead"))
    assert (dead.key, dead.error) == (job.key, "not today")
    assert [(each.attempt, each.outcome) for each in dead.history] == [(1, "dead")]
    assert [each.key for each in await inspector.failures()] == [job.key]

    replayed = await inspector.replay(job.key)
    await worker(plan, redis_url, fussy, burst=True).run()

    again = await inspector.job(str(replayed.key))
    assert (again.state, again.payload["to"], again.origin) == (JobState.COMPLETE, "a@example.org", job.key)
    assert (await inspector.job(job.key)).replays == (replayed.key,)


async def test_many_dead_jobs_are_replayed_and_complete(
    client: Client, inspector: Inspector, plan: Plan, redis_url: str
) -> None:
    seen: list[str] = []

    async def fussy(ctx: Any, to: str | None, password: str | None) -> None:
        seen.append(str(to))
        if seen.count(str(to)) == 1:
            raise Dead("not today")

    await client.enqueue_many(NewJob("mail-send", {"to": f"user-{n}"}) for n in range(120))
    await worker(plan, redis_url, fussy, burst=True, concurrency=20).run()

    replayed = await inspector.repair.replay(await inspector.repair.select(Deed.REPLAY, "type=mail-send"))
    await worker(plan, redis_url, fussy, burst=True, concurrency=20).run()

    counts = {queue.name: queue for queue in await inspector.queues()}["default"].counts
    assert len(replayed) == 120
    assert (counts[JobState.COMPLETE], counts[JobState.DEAD], counts[JobState.QUEUED]) == (120, 0, 0)
    assert sorted(seen) == sorted([f"user-{n}" for n in range(120)] * 2)


async def test_a_running_job_cannot_be_replayed_and_is_seen_with_its_worker(
    client: Client, inspector: Inspector, plan: Plan, redis_url: str
) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(ctx: Any, to: str | None, password: str | None) -> None:
        started.set()
        await go_on.wait()

    job = await client.enqueue("mail-send")
    async with running(worker(plan, redis_url, slow)) as mine:
        await started.wait()
        found = await inspector.job(job.key)
        with pytest.raises(JobStateError, match="has not ended"):
            await inspector.replay(job.key)
        go_on.set()
        await client.wait(job, timeout=20)

    assert (found.state, found.worker) == (JobState.ACTIVE, mine.id)


async def test_a_cancelled_job_releases_its_lock_and_can_be_replayed(
    client: Client, inspector: Inspector, plan: Plan, redis_url: str
) -> None:
    async def stop(ctx: Any) -> None:
        raise Cancel("nothing to do")

    job = await client.enqueue("sync-briefly")
    await worker(plan, redis_url, stop, burst=True).run()

    (cancelled,) = await inspector.jobs(where(state="cancelled"))
    assert cancelled.key == job.key
    replayed = await inspector.replay(job.key)
    assert isinstance(await client.enqueue("sync-briefly", unique=False), Enqueued)
    (refused,) = await client.enqueue_many([NewJob("sync-briefly")])
    assert refused.holder == replayed.key  # type: ignore[union-attr]


async def test_what_a_worker_did_shows_in_the_overview(
    client: Client, inspector: Inspector, plan: Plan, redis_url: str
) -> None:
    async def work(ctx: Any, to: str | None, password: str | None) -> None:
        if to == "user-0":
            raise Dead("not today")

    await client.enqueue_many(NewJob("mail-send", {"to": f"user-{n}"}) for n in range(10))
    await worker(plan, redis_url, work, burst=True).run()

    overview = await inspector.overview()
    assert (overview.rates["default"].started, overview.rates["default"].complete) == (10, 9)
    assert overview.rates["default"].failed == 1
    assert overview.rates["default"].share == 1.0
    assert [failure.outcome for failure in overview.failures] == ["dead"]
    assert overview.workers == ()
