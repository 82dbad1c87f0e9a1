"""Jobs of stock SAQ's producers, run by our worker."""

from __future__ import annotations

import asyncio
import time

from saq import Job, Status


async def test_our_worker_runs_a_stock_producers_job(fleet) -> None:
    queue = fleet.stock_queue()
    fleet.start_ours()

    job = await queue.enqueue("sums:add", a=2, b=3)
    await job.refresh(until_complete=20)

    assert (job.status, job.attempts) == (Status.COMPLETE, 1)
    assert job.result == {"sum": 5, "key": job.key, "attempt": 1, "name": "add"}
    assert job.queued <= job.started <= job.completed
    assert job.worker_id


async def test_stock_producer_waits_for_a_plain_functions_result(fleet) -> None:
    queue = fleet.stock_queue()
    fleet.start_ours()

    assert await queue.apply("plain", timeout=20, n=21) == 42


async def test_stock_producers_numbers_are_kept(fleet) -> None:
    """Its retries count attempts, its delay is in seconds."""
    queue = fleet.stock_queue()
    fleet.start_ours()

    job = await queue.enqueue("flaky", retries=3)
    await job.refresh(until_complete=20)

    assert (job.status, job.result, job.attempts) == (Status.COMPLETE, 3, 3)


async def test_stock_producers_scheduled_job_runs_when_it_is_due(fleet) -> None:
    queue = fleet.stock_queue()
    fleet.start_ours()
    due = int(time.time()) + 1

    job = await queue.enqueue("sums:add", a=1, b=1, scheduled=due)
    await job.refresh(until_complete=20)

    assert job.status == Status.COMPLETE
    assert job.started >= due * 1000


async def test_type_nobody_knows_is_dead_with_its_reason(fleet) -> None:
    queue = fleet.stock_queue()
    fleet.start_ours()

    job = await queue.enqueue("sums:ad", a=1)
    await job.refresh(until_complete=20)

    assert job.status == Status.FAILED
    assert "sums:add" in job.error


async def test_payload_that_does_not_fit_is_dead_with_its_reason(fleet) -> None:
    queue = fleet.stock_queue()
    fleet.start_ours()

    job = await queue.enqueue("sums:add", a="two")
    await job.refresh(until_complete=20)

    assert job.status == Status.FAILED
    assert "a" in job.error


async def test_meta_of_the_producer_is_kept(fleet) -> None:
    queue = fleet.stock_queue()
    fleet.start_ours()

    job = await queue.enqueue(Job("flaky", retries=2, meta={"trace": "abc"}))
    await job.refresh(until_complete=20)

    assert job.meta["trace"] == "abc"


async def test_stock_abort_stops_a_job_that_runs_at_ours(fleet) -> None:
    """[E1] SAQ's own abort writes records and marks; our worker finds them."""
    stopped = asyncio.Event()

    async def endless(_ctx) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    from jobctl import JobQueue, Worker

    ours = JobQueue.from_url(fleet.url)
    fleet.serve(Worker(ours, [("endless", endless)]))
    queue = fleet.stock_queue()
    job = await queue.enqueue("endless", timeout=0, retries=5)
    await fleet.until(job, "active")

    await (await queue.job(job.key)).abort("not needed")

    record = await fleet.until(job, "aborted")
    assert stopped.is_set()
    assert record["error"] == "not needed"
    assert await queue.count("queued") == await queue.count("active") == 0
    await ours.disconnect()


async def test_stock_abort_of_a_key_in_one_queue_stops_no_job_in_another(fleet) -> None:
    """[E7] SAQ's mark has no queue in its name."""
    release = asyncio.Event()

    async def patient(_ctx) -> str:
        await release.wait()
        return "done"

    from jobctl import JobQueue, Worker

    ours = JobQueue.from_url(fleet.url)
    fleet.serve(Worker(ours, [("patient", patient)]))
    queue, other = fleet.stock_queue(), fleet.stock_queue("other")
    job = await queue.enqueue("patient", key="k", timeout=0)
    await fleet.until(job, "active")
    twin = await other.enqueue("patient", key="k")
    await twin.abort("not needed")
    await fleet.server.set(job.abort_id, "not needed")

    await asyncio.sleep(1.2)  # longer than an upkeep's period: it has looked
    release.set()

    assert (await fleet.until(job, "complete"))["result"] == "done"
    await ours.disconnect()
