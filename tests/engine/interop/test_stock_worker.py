"""Our jobs, run by stock SAQ's worker."""

from __future__ import annotations

import subprocess

import pytest
from saq import Worker as SaqWorker

from jobctl import JobQueue, saq_settings
from jobctl.broker.keys import job_id


async def test_stock_worker_runs_our_job_by_saq_settings(fleet) -> None:
    worker = SaqWorker(**saq_settings(fleet.spec, url=fleet.url))
    fleet.serve(worker)
    async with fleet.client() as client:
        enqueued = await client.enqueue("add", {"a": 2, "b": 3})

        record = await client.wait(enqueued.key, timeout=20)

    assert record.result == {"sum": 5, "key": enqueued.key, "attempt": 1, "name": "add"}
    await worker.queue.disconnect()


async def test_stock_worker_retries_our_job_as_declared(fleet) -> None:
    worker = SaqWorker(**saq_settings(fleet.spec, url=fleet.url))
    fleet.serve(worker)
    async with fleet.client() as client:
        enqueued = await client.enqueue("flaky")

        record = await client.wait(enqueued.key, timeout=20)

    assert (record.result, record.attempts, record.max_attempts) == (3, 3, 3)
    await worker.queue.disconnect()


async def test_stock_worker_takes_jobs_that_a_job_queue_holds(fleet) -> None:
    """SAQ's worker over our queue: claims with leases, ends through scripts."""

    async def double(_ctx, n: int) -> int:
        return 2 * n

    ours = JobQueue.from_url(fleet.url)
    fleet.serve(SaqWorker(ours, [("double", double)], dequeue_timeout=2))

    assert await ours.map("double", [{"n": n} for n in range(30)], timeout=20) == [2 * n for n in range(30)]
    await ours.disconnect()


async def test_stock_worker_over_its_own_queue_runs_our_job(fleet) -> None:
    """Nothing of ours but the record."""

    async def add(_ctx, a: int, b: int) -> int:
        return a + b

    fleet.start_stock([("sums:add", add)])
    await fleet.first_sweep()
    async with fleet.client() as client:
        enqueued = await client.enqueue("add", {"a": 2, "b": 3})

        record = await client.wait(enqueued.key, timeout=20)

    assert (record.result, record.attempts) == (5, 1)


async def test_stock_worker_that_starts_on_a_backlog_damages_nothing(fleet) -> None:
    """[A7] With its own queue, 7 of 8 starts on a fresh server damaged jobs."""
    async with fleet.client() as client:
        jobs = [await client.enqueue("plain", {"n": n}) for n in range(30)]
        await fleet.server.script_flush()
        worker = SaqWorker(**saq_settings(fleet.spec, url=fleet.url))
        fleet.serve(worker)

        records = [await client.wait(job.key, timeout=20) for job in jobs]

    assert [record.result for record in records] == [2 * n for n in range(30)]
    assert {record.attempts for record in records} == {1}
    await worker.queue.disconnect()


@pytest.mark.slow
async def test_saq_command_runs_our_jobs(fleet) -> None:
    fleet.start_saq_command()
    async with fleet.client() as client:
        jobs = [await client.enqueue("add", {"a": n, "b": 1}) for n in range(5)]
        plain = await client.enqueue("plain", {"n": 4})

        sums = [(await client.wait(job.key, timeout=30)).result["sum"] for job in jobs]

        assert sums == [1, 2, 3, 4, 5]
        assert (await client.wait(plain.key, timeout=30)).result == 8
    assert await fleet.server.exists(job_id("default", jobs[0].key))


@pytest.mark.slow
async def test_saq_command_checks_the_health_of_our_worker(fleet) -> None:
    """`saq --check` finds our workers in SAQ's reports."""
    check = fleet.command("--check")
    before = subprocess.run(check, check=False, env=fleet.env, cwd=fleet.folder, capture_output=True)
    fleet.start_ours()

    async def reported() -> bool:
        return bool((await fleet.stock_queue().info())["workers"])

    await fleet.eventually(reported)
    after = subprocess.run(check, check=False, env=fleet.env, cwd=fleet.folder, capture_output=True)

    assert (before.returncode, after.returncode) == (1, 0)
