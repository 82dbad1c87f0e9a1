"""Listening to jobs, listing and counting them."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from saq import Job, Status

from jobctl.broker.queue import JobQueue


async def test_end_between_reading_and_subscribing_is_heard(queue: JobQueue) -> None:
    """[E9] SAQ waits for ever."""
    job = await queue.enqueue("work")
    before = await queue.job(job.key)
    await job.finish(Status.COMPLETE, result=1)

    async with asyncio.timeout(5):
        await queue.listen([before.key], lambda _key, status: status == Status.COMPLETE, timeout=None)


async def test_waiting_for_a_job_ends_with_its_end(bench, queue: JobQueue) -> None:
    job = await queue.enqueue("work")
    waiting = asyncio.ensure_future(job.refresh(5))
    await bench.eventually(lambda: queue._subscription._inboxes)

    await (await bench.claim(queue)).finish(Status.COMPLETE, result=1)
    await waiting

    assert job.result == 1


async def test_listener_is_told_of_a_start_that_nobody_publishes(bench, queue: JobQueue) -> None:
    job = await queue.enqueue("work")
    waiting = asyncio.ensure_future(queue.listen([job.key], lambda _key, status: status == Status.ACTIVE, timeout=5))
    await bench.eventually(lambda: queue._subscription._inboxes)

    record = queue.serialize(job)
    await bench.server.set(job.id, record[:-1] + b', "status": "active"}')

    await waiting


async def test_wait_without_an_end_times_out(queue: JobQueue) -> None:
    job = await queue.enqueue("work")

    with pytest.raises(TimeoutError):
        await job.refresh(0.02)


async def test_broken_subscription_is_mended_and_told_of_once(
    bench, queue: JobQueue, caplog: pytest.LogCaptureFixture
) -> None:
    """[B7] [E10] SAQ writes 2,000 tracebacks a second, or returns as if the job had ended."""
    job = await queue.enqueue("work")
    with caplog.at_level(logging.INFO, logger="jobctl"):
        waiting = asyncio.ensure_future(job.refresh(10))
        await bench.eventually(lambda: queue._subscription._reader is not None)
        for _ in range(3):
            await bench.server.client_kill_filter(_type="pubsub")
            await asyncio.sleep(0.05)
        await (await bench.claim(queue)).finish(Status.COMPLETE, result=1)
        await waiting

    assert job.result == 1
    assert len([record for record in caplog.records if "subscription" in record.message]) <= 3


async def test_waiters_share_one_subscription_to_their_jobs_only(bench) -> None:
    """[E11] SAQ's hears every job of its queue, and of all queues whose names begin like it."""
    queue = bench.queue("mail")
    jobs = [await queue.enqueue("work") for _ in range(5)]
    waiting = [asyncio.ensure_future(job.refresh(5)) for job in jobs]

    async def subscribed() -> bool:
        channels = await bench.server.pubsub_channels()
        return {job.id for job in jobs} == {channel.decode() for channel in channels}

    await bench.eventually(subscribed)
    assert await bench.server.pubsub_numpat() == 0
    clients = await bench.server.client_list(_type="pubsub")
    assert len(clients) == 1
    for job in jobs:
        await job.abort("enough")
    await asyncio.gather(*waiting)
    assert await bench.server.pubsub_channels() == []


async def test_jobs_are_listed_by_state(bench, queue: JobQueue) -> None:
    queued = await queue.enqueue("queued")
    ended = {}
    for status in (Status.COMPLETE, Status.FAILED, Status.ABORTED):
        job = await queue.enqueue(status.value)
        await job.finish(status)
        ended[status] = job
    later = await queue.enqueue("later", scheduled=int(time.time()) + 1000)

    for status, job in ended.items():
        assert [found.key async for found in queue.iter_jobs([status])] == [job.key]
    unfinished = {found.key async for found in queue.iter_jobs([Status.QUEUED, Status.ACTIVE])}
    assert unfinished == {queued.key, later.key}
    assert len([found async for found in queue.iter_jobs()]) == 5


async def test_listing_reads_the_queues_own_indexes(bench, queue: JobQueue) -> None:
    """[E14] SAQ scans every key of the server."""
    for number in range(300):
        await bench.server.set(f"foreign:{number}", 1)
    for _ in range(5):
        await queue.enqueue("work")
    await bench.server.config_resetstat()

    assert len([job async for job in queue.iter_jobs()]) == 5

    commands = await bench.server.info("commandstats")
    assert "cmdstat_scan" not in commands
    assert sum(entry["calls"] for name, entry in commands.items() if name != "cmdstat_config|resetstat") < 20


async def test_queue_whose_name_begins_another_is_listed_alone(bench) -> None:
    """[E13] SAQ raises."""
    outer, inner = bench.queue("a"), bench.queue("a:b")
    own = await outer.enqueue("work")
    await inner.enqueue("work")

    assert [job.key async for job in outer.iter_jobs()] == [own.key]


async def test_broken_record_stops_no_listing(bench, queue: JobQueue) -> None:
    """[C18]"""
    jobs = [await queue.enqueue("work") for _ in range(3)]
    await bench.server.set(jobs[1].id, b"no json")
    rest = {jobs[0].key, jobs[2].key}

    assert {job.key async for job in queue.iter_jobs()} == rest
    assert {job["key"] for job in (await queue.info(jobs=True))["jobs"]} == rest
    assert [job and job.key for job in await queue.jobs(job.key for job in jobs)] == [jobs[0].key, None, jobs[2].key]
    assert await queue.job(jobs[1].key) is None


async def test_pages_of_jobs_are_whole(bench, queue: JobQueue) -> None:
    """[E15] SAQ's second page is short, its third empty."""
    later = [await queue.enqueue("work", scheduled=int(time.time()) + 1000 + number) for number in range(3)]
    queued = [await queue.enqueue("work") for _ in range(6)]
    active = [await bench.claim(queue) for _ in range(2)]
    expected = [job.key for job in (*active, *queued[2:], *later)]

    pages = [
        [job["key"] for job in (await queue.info(jobs=True, offset=offset, limit=4))["jobs"]] for offset in (0, 4, 8)
    ]

    assert pages == [expected[:4], expected[4:8], expected[8:]]


async def test_info_counts_jobs_and_workers(bench, queue: JobQueue) -> None:
    await queue.enqueue("work")
    await queue.enqueue("work", scheduled=int(time.time()) + 1000)
    await queue.worker_info("w1", queue_key=queue.name, metadata={"a": 1}, ttl=10)

    info = await queue.info()

    assert (info["queued"], info["active"], info["scheduled"], info["jobs"]) == (1, 0, 1, [])
    assert info["workers"]["w1"]["metadata"] == {"a": 1}


async def test_unknown_count_is_refused(queue: JobQueue) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        await queue.count("nonsense")


async def test_jobs_of_no_keys_are_none(queue: JobQueue) -> None:
    assert await queue.jobs([]) == []
    await queue.listen([], lambda *_: True)


async def test_job_made_by_hand_can_be_waited_for(queue: JobQueue) -> None:
    job = Job("work", queue=queue)
    await job.enqueue()
    await job.enqueue()

    assert await queue.count("queued") == 1
