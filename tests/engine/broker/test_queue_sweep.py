"""Active jobs that no worker of ours holds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from saq import Job, Status
from saq.queue.redis import RedisQueue

from jobctl.broker.queue import JobQueue
from jobctl.broker.sweep import Sweep
from jobctl.broker.upkeep import Upkeep


async def claim_by_saq(stock: RedisQueue, **fields: Any) -> Job:
    """Claim a job as a stock SAQ worker does."""
    job = await stock.dequeue(timeout=5)
    assert job is not None
    job.attempts += 1
    job.worker_id = "stock-1"
    job.started = fields.pop("started", 1)
    for field, value in fields.items():
        setattr(job, field, value)
    await job.update(status=Status.ACTIVE)
    return job


async def report(stock: RedisQueue, worker: str = "stock-1") -> None:
    await stock.worker_info(worker, queue_key=stock.name, ttl=60)


def sweep_of(queue: JobQueue, **limits: float) -> Sweep:
    return Sweep(queue.redis, queue.keys, **{"silent_s": 0, "unknown_s": 0, **limits})


async def recover(queue: JobQueue) -> list[str]:
    findings = await Upkeep(queue.redis, [queue.keys]).tick()
    return [job.id for job in findings.recovered]


async def test_job_of_a_stock_worker_that_fell_silent_runs_again(bench, queue: JobQueue) -> None:
    """[A1] [A2] SAQ aborts it after 65 s, or leaves it active for ever."""
    stock = bench.stock()
    await queue.enqueue("work", timeout=0)
    job = await claim_by_saq(stock)
    sweep = sweep_of(queue)

    assert await sweep.tick() == {}
    assert await sweep.tick() == {job.id: "lost"}
    assert await recover(queue) == [job.id]

    assert await bench.places(job) == {"queued", "incomplete"}
    record = await bench.record(job)
    assert (record["status"], record["error"]) == ("queued", "worker stock-1 was lost")
    assert record["attempts"] == 0  # SAQ counts when it starts a job: a lost worker costs no retry
    assert await bench.server.hget(queue.keys.crashes, job.id) == b"1"


async def test_silence_must_last(bench, queue: JobQueue) -> None:
    stock = bench.stock()
    await queue.enqueue("work")
    job = await claim_by_saq(stock)
    sweep = sweep_of(queue, silent_s=30)

    assert [await sweep.tick() for _ in range(3)] == [{}, {}, {}]

    await bench.server.zincrby(queue.keys.strays, -30_001, job.id)
    assert await sweep.tick() == {job.id: "lost"}


async def test_job_of_a_stock_worker_that_reports_is_left_alone(bench, queue: JobQueue) -> None:
    stock = bench.stock()
    await queue.enqueue("work", timeout=1)
    job = await claim_by_saq(stock)
    await report(stock)
    sweep = sweep_of(queue)

    assert [await sweep.tick() for _ in range(3)] == [{}, {}, {}]

    assert await bench.places(job) == {"active", "incomplete"}


async def test_stock_worker_that_reports_again_is_forgiven(bench, queue: JobQueue) -> None:
    stock = bench.stock()
    await queue.enqueue("work")
    await claim_by_saq(stock)
    sweep = sweep_of(queue)
    await sweep.tick()

    await report(stock)

    assert await sweep.tick() == {}
    assert await bench.server.zcard(queue.keys.strays) == 0


async def test_jobs_we_hold_are_left_alone(bench, queue: JobQueue) -> None:
    await queue.enqueue("work")
    job = await bench.claim(queue)
    sweep = sweep_of(queue)

    assert [await sweep.tick() for _ in range(2)] == [{}, {}]

    assert await bench.places(job) == {"active", "incomplete", "leases", "owners"}


async def test_job_that_was_moved_and_not_yet_started_is_lost_on_the_second_sight(bench, queue: JobQueue) -> None:
    """[A7] SAQ's sweep runs it twice at once."""
    stock = bench.stock()
    await queue.enqueue("work")
    job = await stock.dequeue(timeout=5)

    patient = sweep_of(queue, unknown_s=10)
    assert [await patient.tick() for _ in range(2)] == [{}, {}]
    assert await sweep_of(queue).tick() == {job.id: "lost"}

    await recover(queue)
    assert await bench.places(job) == {"queued", "incomplete"}


async def test_stray_that_ends_after_all_is_not_run_again(bench, queue: JobQueue) -> None:
    """[A8] The worker wakes up between the sweep and the recovery."""
    stock = bench.stock()
    await queue.enqueue("work", retries=5)
    job = await claim_by_saq(stock)
    sweep = sweep_of(queue)
    await sweep.tick()
    await sweep.tick()

    await job.finish(Status.COMPLETE, result=1)

    assert await recover(queue) == []
    assert (await bench.record(job))["status"] == "complete"
    assert await bench.places(job) == set()


async def test_worker_that_is_lost_too_often_leaves_a_dead_job(bench, queue: JobQueue) -> None:
    """A job that kills stock workers as well."""
    stock = bench.stock()
    job = await queue.enqueue("work")
    for _ in range(3):
        await claim_by_saq(stock)
        sweep = sweep_of(queue)
        await sweep.tick()
        await sweep.tick()
        await recover(queue)

    assert await bench.places(job) == {"dead"}
    assert "lost 3 times" in (await bench.record(job))["error"]


async def test_a_hundred_strays_take_one_sweep(bench, queue: JobQueue) -> None:
    """[A4] SAQ waits five seconds for each."""
    stock = bench.stock()
    for _ in range(100):
        await queue.enqueue("work")
    jobs = [await claim_by_saq(stock) for _ in range(100)]
    sweep = sweep_of(queue)

    await sweep.tick()
    assert set((await sweep.tick()).values()) == {"lost"}
    await recover(queue)

    assert await queue.count("queued") == len(jobs)


async def test_two_sweeps_at_once_recover_a_job_once(bench, queue: JobQueue) -> None:
    """[A5] With SAQ twelve dead jobs made 31 runs."""
    stock = bench.stock()
    for _ in range(12):
        await queue.enqueue("work")
    for _ in range(12):
        await claim_by_saq(stock)
    sweeps = [sweep_of(queue) for _ in range(4)]
    for _ in range(2):
        await asyncio.gather(*(sweep.tick() for sweep in sweeps))

    await asyncio.gather(*(recover(queue) for _ in range(4)))

    assert await queue.count("queued") == 12
    assert await queue.count("active") == 0


async def test_long_lists_are_walked_in_stretches(bench, queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobctl.broker.sweep.STRETCH", 2)
    stock = bench.stock()
    for _ in range(5):
        await queue.enqueue("work")
    jobs = [await claim_by_saq(stock) for _ in range(5)]
    sweep = sweep_of(queue)

    done: dict[str, str] = {}
    for _ in range(6):
        done |= await sweep.tick()

    assert done == {job.id: "lost" for job in jobs}


async def test_broken_and_missing_records_stop_nothing(bench, queue: JobQueue) -> None:
    """[C18] [B11] With SAQ one broken record ends every sweep of its queue."""
    stock = bench.stock()
    broken, gone, sound = [await queue.enqueue("work") for _ in range(3)]
    for _ in range(3):
        await claim_by_saq(stock)
    await bench.server.set(broken.id, b"no json")
    await bench.server.delete(gone.id)

    sweep = sweep_of(queue)
    first, second = await sweep.tick(), await sweep.tick()

    assert first == {broken.id: "poison", gone.id: "missing"}
    assert second == {sound.id: "lost"}
    assert await bench.server.hget(queue.keys.poison, broken.id) == b"no json"
    assert await bench.places(broken) == await bench.places(gone) == set()


async def test_job_that_has_ended_and_stayed_in_the_active_list_is_cleared(bench, queue: JobQueue) -> None:
    job = await queue.enqueue("work")
    await job.finish(Status.COMPLETE, result=1)
    await bench.server.rpush(queue.keys.active, job.id)
    sweep = sweep_of(queue)

    await sweep.tick()

    assert await sweep.tick() == {job.id: "cleared"}
    assert await bench.places(job) == {"complete"}


async def test_missed_heartbeat_stops_a_job_and_it_runs_again(bench, queue: JobQueue) -> None:
    """SAQ's sweep sees to heartbeats, and we keep it switched off."""
    stock = bench.stock()
    await queue.enqueue("work", heartbeat=1, retries=2)
    await claim_by_saq(stock, touched=1)
    job = await queue.job((await queue.info(jobs=True))["jobs"][0]["key"])
    await bench.server.set(job.id, queue.serialize(job)[:-1] + b', "touched": 1}')
    await report(stock)
    sweep = sweep_of(queue)

    assert await sweep.tick() == {job.id: "aborting"}
    # its worker sees that, and ends it the way SAQ does
    theirs = await stock.job(job.key)
    assert theirs.status == Status.ABORTING
    await stock.finish_abort(theirs)

    assert await sweep.tick() == {job.id: "retried"}
    assert await bench.places(job) == {"queued", "incomplete"}
    assert (await bench.record(job))["error"] == "swept"


async def test_job_that_does_not_stop_runs_again_when_its_time_is_over(bench, queue: JobQueue) -> None:
    """[A6] [E2] The sweeper may die in between: the next one goes on."""
    stock = bench.stock()
    await queue.enqueue("work", heartbeat=1, retries=2)
    job = await claim_by_saq(stock)
    await bench.server.set(job.id, queue.serialize(job)[:-1] + b', "queue": "default", "touched": 1}')
    await report(stock)

    assert await sweep_of(queue).tick() == {job.id: "aborting"}
    assert await sweep_of(queue).tick() == {}
    assert await bench.places(job) == {"active", "incomplete"}

    assert await sweep_of(queue).tick(patience_s=0) == {job.id: "retried"}
    assert await bench.places(job) == {"queued", "incomplete"}


async def test_job_without_attempts_left_is_aborted_by_the_sweep(bench, queue: JobQueue) -> None:
    await queue.enqueue("work", timeout=1, retries=1)
    job = await bench.claim(queue, started=1)

    assert await queue.sweep(abort=0) == [job.id]

    assert await bench.places(job) == {"cancelled"}
    assert (await bench.record(job))["error"] == "swept"
    await job.finish(Status.COMPLETE, result=1)  # what it ran on for is refused
    assert (await bench.record(job))["status"] == "aborted"


async def test_sweep_recovers_what_other_processes_held(bench) -> None:
    """[A1] Without any worker of ours, a stock one over a `JobQueue` does it."""
    dead, alive = bench.queue(), bench.queue()
    await dead.enqueue("work")
    job = await bench.claim(dead)
    await dead.deliveries.close()
    await bench.lose_lease(job)

    assert await alive.sweep() == [job.id]

    assert await bench.places(job) == {"queued", "incomplete"}


async def test_healthy_job_that_ends_while_it_is_swept_stays_complete(bench, queue: JobQueue) -> None:
    """[A8] SAQ makes an aborted job of it, or runs it again."""
    await queue.enqueue("work", timeout=1, retries=3)
    job = await bench.claim(queue, started=1)
    sweeping = asyncio.ensure_future(queue.sweep(abort=0.2))

    async def asked() -> bool:
        return (await bench.record(job))["status"] == "aborting"

    await bench.eventually(asked)
    await job.finish(Status.COMPLETE, result=1)
    await sweeping

    assert await bench.places(job) == {"complete"}
    assert (await bench.record(job))["result"] == 1


async def test_aborted_job_of_a_stock_worker_that_died_is_cancelled(bench, queue: JobQueue) -> None:
    """[E3] [E6] It has a place until then, so its key is not free and it is not forgotten."""
    stock = bench.stock()
    await queue.enqueue("work", retries=5)
    job = await claim_by_saq(stock)
    await (await queue.job(job.key)).abort("stop")
    assert await bench.places(job) == {"active", "incomplete", "cancels"}
    sweep = sweep_of(queue)

    await sweep.tick()

    assert await sweep.tick() == {job.id: "aborted"}
    assert await bench.places(job) == {"cancelled"}
    assert (await bench.record(job))["error"] == "stop"


async def test_marks_of_jobs_that_stock_workers_ended_are_cleared(bench, queue: JobQueue) -> None:
    stock = bench.stock()
    await queue.enqueue("work")
    job = await claim_by_saq(stock)
    await (await queue.job(job.key)).abort("stop")
    await stock.finish_abort(await stock.job(job.key))
    assert await queue.count("incomplete") == 0

    await sweep_of(queue).tick()

    assert await bench.places(job) == set()
