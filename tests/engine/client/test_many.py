"""Batches that mix plain jobs with others: what a caller is told, and what the broker holds, whatever goes together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobctl.client import BlockingClient, Client, Enqueued, NewJob
from jobctl.compiler.plan import Plan
from jobctl.errors import DuplicateJob, UnknownJob

plain = st.sampled_from([NewJob("clean-up"), NewJob("mail-send", {"to": "a@example.org"})])
keyed = st.builds(lambda key: NewJob("clean-up", key=key), st.sampled_from("abc"))
locked = st.builds(
    lambda number, unique: NewJob("sync-tenant", {"id": number}, unique=unique), st.integers(1, 3), st.booleans()
)
delayed = st.builds(lambda seconds: NewJob("clean-up", delay=seconds), st.sampled_from((60, 3600)))
elsewhere = st.just(NewJob("clean-up", queue="critical"))


def expect(jobs: list[NewJob]) -> list[bool]:
    """Return per job whether it is taken: it is, unless one before holds its key or its lock."""
    taken: set[Any] = set()
    answers = []
    for job in jobs:
        mark: Any = None
        if job.key is not None:
            mark = job.key
        elif job.job == "sync-tenant" and job.unique:
            mark = job.payload["id"]
        answers.append(mark is None or mark not in taken)
        taken.add(mark)
    return answers


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jobs=st.lists(plain | keyed | locked | delayed | elsewhere, max_size=30))
def test_any_mixture_is_answered_and_stored_in_order(plan: Plan, redis_url: str, jobs: list[NewJob]) -> None:
    with redis.Redis.from_url(redis_url) as server, BlockingClient(plan, redis_url) as client:
        server.flushdb()

        answers = client.enqueue_many(jobs)

        assert [isinstance(answer, Enqueued) for answer in answers] == expect(jobs)
        for queue in ("critical", "default", "low"):
            stored = [answer for answer in answers if isinstance(answer, Enqueued) and answer.queue == queue]
            due = [answer.id.encode() for answer in stored if not answer.due_ms]
            assert server.lrange(f"saq:{queue}:queued", 0, -1) == due
            assert server.zcard(f"saq:{queue}:incomplete") == len(stored)
            assert all(server.exists(answer.id) for answer in stored)


async def test_a_lock_is_held_by_the_first_of_a_batch(client: Client) -> None:
    first, plain, second = await client.enqueue_many(
        [NewJob("sync-tenant", {"id": 7}), NewJob("clean-up"), NewJob("sync-tenant", {"id": 7})]
    )

    assert isinstance(first, Enqueued)
    assert isinstance(plain, Enqueued)
    assert isinstance(second, DuplicateJob)
    assert second.holder == first.key


async def test_what_a_stream_has_not_been_asked_for_is_not_sent(client: Client, server: redis.Redis) -> None:
    stream = client.enqueue_stream(NewJob("clean-up") for _ in range(5_000))

    await anext(stream)
    await stream.aclose()

    assert server.llen("saq:low:queued") == 500


async def test_a_stream_tells_of_the_batch_before_a_bad_job(client: Client) -> None:
    def jobs() -> Iterator[NewJob]:
        yield from [NewJob("clean-up")] * 500
        yield NewJob("nothing-such")

    stream = client.enqueue_stream(jobs())

    assert len(await anext(stream)) == 500
    with pytest.raises(UnknownJob):
        await anext(stream)


@pytest.mark.parametrize("steps", range(10))
async def test_a_cancelled_enqueue_leaves_the_client_in_order(client: Client, server: redis.Redis, steps: int) -> None:
    await client.enqueue("clean-up")

    for call in (client.enqueue("clean-up"), client.enqueue_many([NewJob("clean-up")] * 600)):
        task = asyncio.create_task(call)
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    stored = [await client.enqueue("mail-send", to=str(number)) for number in range(20)]
    assert server.lrange("saq:default:queued", 0, -1) == [job.id.encode() for job in stored]
    low = server.llen("saq:low:queued")
    assert low in (1, 2, 501, 502, 601, 602)
    assert server.zcard("saq:low:incomplete") == low


async def test_tasks_that_enqueue_at_once_do_not_mix_their_answers(client: Client) -> None:
    keys = [f"key-{number % 50}" for number in range(200)]

    answers = await asyncio.gather(*(client.enqueue("clean-up", key=key) for key in keys), return_exceptions=True)

    taken = [answer.key for answer in answers if isinstance(answer, Enqueued)]
    refused = [answer.holder for answer in answers if isinstance(answer, DuplicateJob)]
    assert sorted(taken) == sorted(set(keys))
    assert sorted(refused) == sorted([*set(keys)] * 3)
