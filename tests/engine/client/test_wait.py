from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis
from tests.waiting import eventually

from jobctl.client import BlockingClient, Client, Enqueued, NewJob
from jobctl.errors import JobNotFound, UsageError, WaitTimeout
from jobctl.records import JobState


def finish(
    server: redis.Redis, job: Enqueued, status: str = "complete", *, kept: bool = True, told: bool = True
) -> None:
    """End a job as a worker does, in one step."""
    stored = json.loads(server.get(job.id) or b"{}")
    stored |= {"status": status, "completed": 1_700_000_000_000, "result": {"n": 1}}
    with server.pipeline(transaction=True) as pipe:
        pipe.lrem(f"saq:{job.queue}:queued", 1, job.id)
        pipe.zrem(f"saq:{job.queue}:incomplete", job.id)
        if kept:
            pipe.set(job.id, json.dumps(stored))
            pipe.zadd(f"jobctl:{job.queue}:complete", {job.id: stored["completed"]})
        else:
            pipe.delete(job.id)
        if told:
            pipe.publish(job.id, status)
        pipe.execute()


async def heard(server: redis.Redis, job: Enqueued) -> None:
    """Return when somebody listens to the job: the server learns of it a moment after the call."""
    await eventually(lambda: server.pubsub_numsub(job.id)[0][1] > 0)


@pytest.mark.parametrize(
    ("status", "state"),
    [("complete", JobState.COMPLETE), ("failed", JobState.DEAD), ("aborted", JobState.CANCELLED)],
)
async def test_a_wait_ends_with_the_job_whichever_way_it_ends(
    client: Client, server: redis.Redis, status: str, state: JobState
) -> None:
    job = await client.enqueue("clean-up")
    waiting = asyncio.create_task(client.wait(job, timeout=10))
    await heard(server, job)

    finish(server, job, status)

    record = await waiting
    assert (record.key, record.state, record.result) == (job.key, state, {"n": 1})


async def test_the_word_of_the_worker_comes_long_before_the_next_poll(
    client: Client, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobctl.client.client.POLL_S", 60.0)
    job = await client.enqueue("clean-up")
    waiting = asyncio.create_task(client.wait(job, timeout=50))
    await heard(server, job)

    finish(server, job)

    async with asyncio.timeout(10):
        assert (await waiting).state is JobState.COMPLETE


async def test_a_job_that_has_ended_before_is_returned_at_once(client: Client, server: redis.Redis) -> None:
    job = await client.enqueue("clean-up")
    finish(server, job)

    assert (await client.wait(job, timeout=10)).state is JobState.COMPLETE


async def test_a_lost_word_is_made_good_by_a_poll(client: Client, server: redis.Redis) -> None:
    job = await client.enqueue("clean-up")
    waiting = asyncio.create_task(client.wait(job, timeout=30))
    await heard(server, job)

    finish(server, job, told=False)

    assert (await waiting).state is JobState.COMPLETE


async def test_a_job_that_is_only_claimed_is_waited_for_further(client: Client, server: redis.Redis) -> None:
    job = await client.enqueue("clean-up")
    waiting = asyncio.create_task(client.wait(job, timeout=10))
    await heard(server, job)

    server.publish(job.id, "active")
    finish(server, job)

    assert (await waiting).state is JobState.COMPLETE


async def test_a_job_being_cancelled_has_not_ended_yet(client: Client, server: redis.Redis) -> None:
    job = await client.enqueue("clean-up")
    server.set(job.id, json.dumps(json.loads(server.get(job.id) or b"") | {"status": "aborting"}))

    with pytest.raises(WaitTimeout):
        await client.wait(job, timeout=0)


async def test_a_job_whose_record_is_not_kept_ends_as_it_was_told(client: Client, server: redis.Redis) -> None:
    job = await client.enqueue("clean-up", retention=-1)
    waiting = asyncio.create_task(client.wait(job, timeout=10))
    await heard(server, job)
    server.publish(job.id, "active")

    finish(server, job, "failed", kept=False)

    record = await waiting
    assert (record.key, record.state, record.result) == (job.key, JobState.DEAD, None)


async def test_a_wait_gives_up_in_time_and_says_how_far_the_job_is(client: Client) -> None:
    job = await client.enqueue("clean-up", delay="1h")

    with pytest.raises(WaitTimeout, match="is still scheduled after 50ms"):
        await client.wait(job, timeout=0.05)


async def test_a_wait_for_nothing_is_refused_with_a_hint(client: Client) -> None:
    with pytest.raises(JobNotFound) as caught:
        await client.wait("no-such-job", timeout=10)

    assert caught.value.hint


@pytest.mark.parametrize("name", [lambda job: job.key, lambda job: f"{job.queue}:{job.key}", lambda job: job.id])
async def test_a_job_may_be_named_by_key_by_queue_and_by_id(
    client: Client, blocking: BlockingClient, server: redis.Redis, name: Callable[[Enqueued], str]
) -> None:
    job = await client.enqueue("clean-up")
    finish(server, job)

    assert (await client.wait(name(job), timeout=10)).key == job.key
    assert blocking.wait(name(job), timeout=10).key == job.key


async def test_a_key_in_two_queues_must_be_told_apart(client: Client, blocking: BlockingClient) -> None:
    await client.enqueue("clean-up", key="tonight")
    await client.enqueue("clean-up", key="tonight", queue="critical")

    with pytest.raises(UsageError, match="is the key of 2 jobs") as caught:
        await client.wait("tonight", timeout=10)
    with pytest.raises(UsageError, match="is the key of 2 jobs"):
        blocking.wait("tonight", timeout=10)

    assert caught.value.hint is not None
    assert "`low:tonight`" in caught.value.hint


async def test_a_hundred_waits_share_one_subscription(client: Client, server: redis.Redis) -> None:
    jobs = await client.enqueue_many(NewJob("clean-up") for _ in range(100))
    waits = [asyncio.create_task(client.wait(job, timeout=30)) for job in jobs if isinstance(job, Enqueued)]
    assert isinstance(jobs[-1], Enqueued)
    await heard(server, jobs[-1])

    listening = [each for each in server.client_list() if int(each["sub"]) > 0]
    for job in jobs:
        assert isinstance(job, Enqueued)
        finish(server, job)

    records = await asyncio.gather(*waits)
    assert {record.key for record in records} == {job.key for job in jobs if isinstance(job, Enqueued)}
    assert len(listening) == 1


async def test_two_waits_for_one_job_both_end(client: Client, server: redis.Redis) -> None:
    job = await client.enqueue("clean-up")
    waits = [asyncio.create_task(client.wait(job, timeout=10)) for _ in range(2)]
    await heard(server, job)

    finish(server, job)

    assert [record.key for record in await asyncio.gather(*waits)] == [job.key] * 2


async def test_nothing_listens_when_nobody_waits(client: Client, server: redis.Redis) -> None:
    job = await client.enqueue("clean-up")
    other = await client.enqueue("clean-up")
    waiting = asyncio.create_task(client.wait(job))
    await heard(server, job)
    with pytest.raises(WaitTimeout):
        await client.wait(other, timeout=0.01)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await eventually(lambda: not [each for each in server.client_list() if int(each["sub"]) > 0])
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "jobctl-client-listener"]


async def test_waits_that_come_and_go_at_once_leave_nothing_behind(client: Client, server: redis.Redis) -> None:
    jobs = await client.enqueue_many(NewJob("clean-up") for _ in range(20))
    waits = [asyncio.create_task(client.wait(job)) for job in jobs * 3 if isinstance(job, Enqueued)]

    for n, wait in enumerate(waits):
        wait.cancel()
        if n % 3 == 0:
            await asyncio.wait([wait])
    ended = await asyncio.gather(*waits, return_exceptions=True)

    assert {type(each) for each in ended} == {asyncio.CancelledError}
    assert (client._listener._waiters, client._listener._pubsub, client._listener._reader) == ({}, None, None)
    last = await client.enqueue("clean-up")
    finish(server, last)
    assert (await client.wait(last, timeout=20)).state is JobState.COMPLETE


async def test_a_wait_outlives_a_subscription_that_breaks(client: Client, server: redis.Redis) -> None:
    job = await client.enqueue("clean-up")
    waiting = asyncio.create_task(client.wait(job, timeout=30))
    await heard(server, job)

    server.client_kill_filter(_type="pubsub")
    await heard(server, job)
    finish(server, job)

    assert (await waiting).state is JobState.COMPLETE


def in_thread(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    return thread, answers


@pytest.mark.parametrize(
    ("status", "state"),
    [("complete", JobState.COMPLETE), ("failed", JobState.DEAD), ("aborted", JobState.CANCELLED)],
)
async def test_a_blocking_wait_ends_with_the_job_whichever_way_it_ends(
    blocking: BlockingClient, server: redis.Redis, monkeypatch: pytest.MonkeyPatch, status: str, state: JobState
) -> None:
    monkeypatch.setattr("jobctl.client.blocking.POLL_S", 8.0)  # only the word can end it in time
    job = blocking.enqueue("clean-up")
    thread, answers = in_thread(lambda: blocking.wait(job, timeout=30))
    await heard(server, job)

    finish(server, job, status)
    thread.join(5)

    assert [(record.key, record.state) for record in answers] == [(job.key, state)]


async def test_a_blocking_wait_polls_when_the_word_is_lost(blocking: BlockingClient, server: redis.Redis) -> None:
    job = blocking.enqueue("clean-up")
    thread, answers = in_thread(lambda: blocking.wait(job, timeout=30))
    await heard(server, job)

    finish(server, job, told=False)
    thread.join(20)

    assert [record.state for record in answers] == [JobState.COMPLETE]


async def test_a_blocking_wait_for_a_record_not_kept_ends_as_it_was_told(
    blocking: BlockingClient, server: redis.Redis
) -> None:
    job = blocking.enqueue("clean-up", retention=-1)
    thread, answers = in_thread(lambda: blocking.wait(job, timeout=30))
    await heard(server, job)
    server.publish(job.id, "active")

    finish(server, job, kept=False)
    thread.join(20)

    assert [record.state for record in answers] == [JobState.COMPLETE]


def test_a_blocking_wait_gives_up_in_time(blocking: BlockingClient) -> None:
    job = blocking.enqueue("clean-up")

    with pytest.raises(WaitTimeout, match="is still queued after 50ms"):
        blocking.wait(job, timeout="50ms")


def test_a_blocking_wait_for_nothing_is_refused(blocking: BlockingClient) -> None:
    with pytest.raises(JobNotFound):
        blocking.wait("no-such-job", timeout=10)
