"""An enqueue whose answer is lost is sent again. It must be one job, and its caller must not be told of a duplicate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis

from jobctl.broker.direct import Direct
from jobctl.client import BlockingClient, Client, Enqueued, NewJob, Preparer
from jobctl.client.batch import Batch
from jobctl.compiler.plan import Plan
from jobctl.testing.proxy import Proxy

JOBS = {
    "plain": ("clean-up", {}, {}),
    "with a key": ("clean-up", {}, {"key": "tonight"}),
    "locked": ("sync-tenant", {"id": 7}, {}),
    "delayed": ("clean-up", {}, {"delay": 60}),
}


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    with Proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture
async def client(plan: Plan, proxy: Proxy) -> AsyncIterator[Client]:
    async with Client(plan, proxy.url) as client:
        yield client


def stored(server: redis.Redis) -> int:
    return sum(server.zcard(f"saq:{queue}:incomplete") for queue in ("critical", "default", "low"))


@pytest.mark.parametrize("kind", JOBS)
async def test_an_enqueue_is_one_job(client: Client, proxy: Proxy, server: redis.Redis, kind: str) -> None:
    job, payload, options = JOBS[kind]
    proxy.drop_answer(b"EVALSHA")

    assert await client.enqueue(job, payload, **options)

    assert (proxy.dropped, stored(server)) == (1, 1)


@pytest.mark.parametrize("kind", JOBS)
def test_a_blocking_enqueue_is_one_job(plan: Plan, proxy: Proxy, server: redis.Redis, kind: str) -> None:
    job, payload, options = JOBS[kind]
    with BlockingClient(plan, proxy.url) as client:
        client.enqueue("mail-send", to="a@example.org")  # the script is known to the server now
        client.enqueue("mail-send", to="a@example.org", key="b")
        proxy.drop_answer(b"EVALSHA")

        assert client.enqueue(job, payload, **options)

    assert (proxy.dropped, stored(server)) == (1, 3)


async def test_each_job_of_a_batch_is_stored_once(client: Client, proxy: Proxy, server: redis.Redis) -> None:
    await client.enqueue("mail-send", to="a@example.org")
    proxy.drop_answer(b"EVALSHA")

    answers = await client.enqueue_many(NewJob("clean-up") for _ in range(1_200))

    assert proxy.dropped == 1
    assert [type(answer) for answer in answers] == [Enqueued] * 1_200
    assert server.lrange("saq:low:queued", 0, -1) == [answer.id.encode() for answer in answers]
    assert server.zcard("saq:low:incomplete") == 1_200


async def test_many_tasks_at_once_lose_and_double_nothing(client: Client, proxy: Proxy, server: redis.Redis) -> None:
    await client.enqueue("mail-send", to="a@example.org")
    proxy.drop_answer(b"EVALSHA")

    await asyncio.gather(*(client.enqueue("clean-up") for _ in range(100)))

    assert server.llen("saq:low:queued") == server.zcard("saq:low:incomplete") == 100


@pytest.fixture
async def direct(redis_url: str) -> AsyncIterator[Direct]:
    client = redis.asyncio.Redis.from_url(redis_url)
    yield Direct(client, kept=0)
    await client.aclose()


async def send(direct: Direct, batch: Batch) -> Any:
    assert batch.script == "enqueue_plain"
    return await direct.run(batch.script, batch.keys, batch.args)


async def test_what_has_ended_meanwhile_is_not_run_again(plan: Plan, direct: Direct, server: redis.Redis) -> None:
    preparer = Preparer(plan)
    batch = Batch([preparer.prepare(NewJob("clean-up")) for _ in range(3)])
    await send(direct, batch)
    first, second, _ = (job.receipt.id for job in batch.jobs)
    server.lrem("saq:low:queued", 0, first)
    server.zrem("saq:low:incomplete", first)
    server.set(first, json.dumps({"status": "complete"}))
    server.delete(second)  # evicted: that it was stored shows in the index only

    assert await send(direct, batch) == 0

    assert json.loads(server.get(first) or b"")["status"] == "complete"
    assert server.lrange("saq:low:queued", 0, -1) == [job.receipt.id.encode() for job in batch.jobs[1:]]


async def test_a_repetition_stores_what_is_not_there(plan: Plan, direct: Direct, server: redis.Redis) -> None:
    preparer = Preparer(plan)
    jobs = [preparer.prepare(NewJob("clean-up", {})) for _ in range(4)]
    await send(direct, Batch(jobs[1:3]))

    assert await send(direct, Batch(jobs)) == 2

    order = [jobs[n].receipt.id.encode() for n in (1, 2, 0, 3)]
    assert server.lrange("saq:low:queued", 0, -1) == order
