"""Our worker made the way SAQ's is: from a queue and functions."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from collections import Counter
from typing import Any

import pytest
from saq import CronJob, Job, Status

from jobctl import JobQueue, Worker


@pytest.fixture
async def queue(fleet):
    made = JobQueue.from_url(fleet.url)
    yield made
    await made.disconnect()


async def test_stock_queue_is_fed_by_the_cycle_as_well(fleet) -> None:
    queue = fleet.stock_queue()

    async def double(ctx: Any, n: int) -> int:
        assert ctx["worker"].job_queue is not None
        return 2 * n

    fleet.serve(Worker(queue, [("double", double)]))

    assert await queue.map("double", [{"n": n} for n in range(20)], timeout=20) == [2 * n for n in range(20)]


async def test_queue_of_pickled_records_is_served_as_saq_does(fleet) -> None:
    """Its records are not JSON, so nothing can be spliced onto them."""
    queue = fleet.stock_queue()
    queue._dump, queue._load = pickle.dumps, pickle.loads

    async def double(_ctx: Any, n: int) -> int:
        return 2 * n

    worker = fleet.serve(Worker(queue, [("double", double)], dequeue_timeout=2))
    await fleet.first_sweep()

    assert worker.job_queue is None
    assert await queue.apply("double", n=2, timeout=20) == 4


async def test_stop_waits_and_hands_running_jobs_back(fleet, queue: JobQueue) -> None:
    """[C15] [C16] No retry is spent."""

    async def endless(_ctx: Any) -> None:
        await asyncio.Event().wait()

    worker = fleet.serve(Worker(queue, [("endless", endless)]))
    job = await queue.enqueue("endless", timeout=0)
    await fleet.until(job, "active")

    await worker.stop()

    record = await fleet.record(job)
    assert (record["status"], record["error"], record.get("attempts", 0)) == ("queued", "cancelled", 0)
    assert [await queue.count(kind) for kind in ("queued", "active", "incomplete")] == [1, 0, 1]
    await worker.stop()


async def test_cancelled_worker_hands_running_jobs_back(fleet, queue: JobQueue) -> None:
    async def endless(_ctx: Any) -> None:
        await asyncio.Event().wait()

    serving = asyncio.ensure_future(Worker(queue, [("endless", endless)]).start())
    job = await queue.enqueue("endless", timeout=0)
    await fleet.until(job, "active")

    serving.cancel()
    await serving

    assert (await fleet.record(job))["status"] == "queued"


async def test_worker_can_be_started_again(fleet, queue: JobQueue) -> None:
    async def work(_ctx: Any) -> int:
        return 1

    worker = fleet.serve(Worker(queue, [("work", work)]))
    assert await queue.apply("work", timeout=20) == 1
    await worker.stop()

    fleet.serve(worker)
    assert await queue.apply("work", timeout=20) == 1


async def test_burst_ends_when_no_job_has_come_for_a_while(queue: JobQueue) -> None:
    """[C19] Also when jobs raise what they like."""

    async def bad(_ctx: Any) -> None:
        raise SystemExit(3)

    jobs = [await queue.enqueue("bad") for _ in range(3)]
    worker = Worker(queue, [("bad", bad)], burst=True, dequeue_timeout=0.1)

    async with asyncio.timeout(20):
        await worker.start()

    assert {(await queue.job(job.key)).status for job in jobs} == {Status.FAILED}


async def test_burst_takes_no_more_jobs_than_it_may(queue: JobQueue) -> None:
    runs = 0

    async def work(_ctx: Any) -> None:
        nonlocal runs
        runs += 1

    for _ in range(30):
        await queue.enqueue("work")
    worker = Worker(queue, [("work", work)], burst=True, max_burst_jobs=15, concurrency=4, dequeue_timeout=0.2)

    async with asyncio.timeout(20):
        await worker.start()

    assert runs == 15
    assert await queue.count("queued") == 15


@pytest.mark.parametrize("ending", [asyncio.CancelledError, SystemExit, KeyboardInterrupt])
async def test_worker_outlives_what_a_function_raises(fleet, queue: JobQueue, ending: type[BaseException]) -> None:
    """[C3] [C4] With SAQ the job stays active, or all jobs of the worker do."""

    async def bad(_ctx: Any) -> None:
        raise ending

    async def good(_ctx: Any) -> int:
        return 1

    fleet.serve(Worker(queue, [("bad", bad), ("good", good)]))
    job = await queue.enqueue("bad")

    assert (await fleet.until(job, "failed"))["error"]
    assert await queue.apply("good", timeout=20) == 1


async def test_plain_function_past_its_timeout_does_not_run_twice_at_once(fleet, queue: JobQueue) -> None:
    """[C6] [C7] SAQ starts the next attempt beside the thread that still runs."""
    guard = threading.Lock()
    running = most = runs = 0

    def slow(_ctx: Any) -> None:
        nonlocal running, most, runs
        with guard:
            running, runs = running + 1, runs + 1
            most = max(most, running)
        time.sleep(0.4)
        with guard:
            running -= 1

    fleet.serve(Worker(queue, [("slow", slow)]))
    job = await queue.enqueue("slow", timeout=0.1, retries=2)

    await fleet.until(job, "failed")

    assert (runs, most) == (2, 1)


async def test_as_many_plain_functions_run_as_there_are_slots(fleet, queue: JobQueue) -> None:
    """[C6] SAQ has threads for a few, and the rest time out without having started."""
    barrier = threading.Barrier(20)

    def meet(_ctx: Any) -> int:
        return barrier.wait(timeout=10)

    fleet.serve(Worker(queue, [("meet", meet)], concurrency=20))

    assert sorted(await queue.map("meet", [{} for _ in range(20)], timeout=15)) == list(range(20))


async def test_hooks_see_the_job_and_its_outcome(fleet, queue: JobQueue) -> None:
    seen: list[tuple[str, Status, Any]] = []

    async def before(ctx: Any) -> None:
        seen.append(("before", ctx["job"].status, ctx["job"].attempts))

    def after(ctx: Any) -> None:
        seen.append(("after", ctx["job"].status, ctx["job"].result or str(ctx.get("exception"))))

    async def work(_ctx: Any, fail: bool) -> str:
        if fail:
            raise ValueError("no luck")
        return "done"

    fleet.serve(Worker(queue, [("work", work)], before_process=before, after_process=after))
    await fleet.until(await queue.enqueue("work", fail=False), "complete")
    await fleet.until(await queue.enqueue("work", fail=True), "failed")

    assert seen == [
        ("before", Status.ACTIVE, 1),
        ("after", Status.COMPLETE, "done"),
        ("before", Status.ACTIVE, 1),
        ("after", Status.FAILED, "no luck"),
    ]


async def test_failing_after_hook_changes_nothing(fleet, queue: JobQueue) -> None:
    async def after(_ctx: Any) -> None:
        raise RuntimeError

    async def work(_ctx: Any) -> int:
        return 1

    fleet.serve(Worker(queue, [("work", work)], after_process=after))

    assert await queue.apply("work", timeout=20) == 1


async def test_what_a_function_changes_in_its_job_is_kept(fleet, queue: JobQueue) -> None:
    async def count(ctx: Any) -> int:
        job: Job = ctx["job"]
        job.meta["runs"] = job.meta.get("runs", 0) + 1
        if job.attempts < 3:
            raise RuntimeError
        return job.meta["runs"]

    fleet.serve(Worker(queue, [("count", count)]))
    job = await queue.enqueue("count", retries=3, meta={"trace": "abc"})

    record = await fleet.until(job, "complete")

    assert record["result"] == 3
    assert (record["meta"]["runs"], record["meta"]["trace"]) == (3, "abc")


async def test_update_is_a_sign_of_life(fleet, queue: JobQueue) -> None:
    async def alive(ctx: Any) -> str:
        for step in range(1, 8):
            await asyncio.sleep(0.2)
            await ctx["job"].update(progress=step / 10)
        return "done"

    async def silent(_ctx: Any) -> None:
        await asyncio.sleep(10)

    fleet.serve(Worker(queue, [("alive", alive), ("silent", silent)]))
    lively = await queue.enqueue("alive", heartbeat=1)
    dead = await queue.enqueue("silent", heartbeat=1)

    assert (await fleet.until(lively, "complete"))["result"] == "done"
    assert "heartbeat" in (await fleet.until(dead, "failed"))["error"]


async def test_abort_is_pushed_to_the_worker(fleet, queue: JobQueue) -> None:
    """[E1] SAQ's worker looks once a second, and only at jobs that are a second old."""

    async def endless(_ctx: Any) -> None:
        await asyncio.Event().wait()

    fleet.serve(Worker(queue, [("endless", endless)]))
    took_s = []
    for _ in range(4):
        job = await queue.enqueue("endless", timeout=0, retries=5)
        await fleet.until(job, "active")
        began = time.monotonic()

        await (await queue.job(job.key)).abort("stop")
        record = await fleet.until(job, "aborted")

        took_s.append(time.monotonic() - began)
        assert record["error"] == "stop"

    assert min(took_s) < 0.7  # the others may have met a busy machine
    assert not await fleet.server.exists("jobctl:default:cancels")


async def test_stubborn_function_holds_up_no_other_abort(fleet, queue: JobQueue) -> None:
    """[E2] [C10]"""
    release = asyncio.Event()

    async def stubborn(_ctx: Any) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async def endless(_ctx: Any) -> None:
        await asyncio.Event().wait()

    fleet.serve(Worker(queue, [("stubborn", stubborn), ("endless", endless)]))
    first, second = await queue.enqueue("stubborn", timeout=0), await queue.enqueue("endless", timeout=0)
    await fleet.until(first, "active")
    await fleet.until(second, "active")

    await first.abort("stop")
    await second.abort("stop")

    await fleet.until(second, "aborted")
    assert (await fleet.record(first))["status"] == "aborting"
    assert await queue.enqueue(Job("stubborn", key=first.key)) is None  # [E6]
    release.set()
    await fleet.until(first, "complete")  # it went on to its end, and what was done was done


async def test_aborted_job_that_answers_with_an_error_is_not_retried(fleet, queue: JobQueue) -> None:
    async def rude(_ctx: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("I was busy") from None

    fleet.serve(Worker(queue, [("rude", rude)]))
    job = await queue.enqueue("rude", timeout=0, retries=5)
    await fleet.until(job, "active")

    await job.abort("stop")

    assert (await fleet.until(job, "aborted"))["error"] == "stop"


async def test_two_cron_jobs_of_one_function_both_run(fleet, queue: JobQueue) -> None:
    """[D7] With SAQ they share a key, and the second never runs."""
    runs: Counter[str] = Counter()

    async def tick(_ctx: Any, name: str) -> None:
        runs[name] += 1

    entries = [CronJob(tick, cron="* * * * * *", kwargs={"name": name}) for name in ("one", "two")]
    fleet.serve(Worker(queue, [], cron_jobs=entries))

    await fleet.eventually(lambda: runs["one"] >= 2 and runs["two"] >= 2)


async def test_each_tick_runs_once_whatever_the_number_of_workers(fleet, queue: JobQueue) -> None:
    """[D6] Without `unique` every SAQ worker enqueues a job every second."""

    async def tick(_ctx: Any) -> None:
        raise AssertionError("next year")

    entry = CronJob(tick, cron="0 0 1 1 *", unique=False)
    for _ in range(3):
        fleet.serve(Worker(queue, [], cron_jobs=[entry]))

    await asyncio.sleep(2.5)  # SAQ's would have made six jobs by now

    assert await queue.count("incomplete") == 1


async def test_cron_job_that_cannot_be_scheduled_stops_nothing_else(fleet, queue: JobQueue) -> None:
    """[D10] With SAQ neither the other cron jobs nor scheduled and retrying jobs run any more."""
    runs: Counter[str] = Counter()

    async def never(_ctx: Any) -> None:
        runs["never"] += 1

    async def tick(_ctx: Any) -> None:
        runs["tick"] += 1

    async def work(_ctx: Any) -> None:
        runs["work"] += 1

    entries = [CronJob(never, cron="0 0 30 2 *"), CronJob(tick, cron="* * * * * *")]
    fleet.serve(Worker(queue, [("work", work)], cron_jobs=entries))
    await queue.enqueue("work", scheduled=int(time.time()) + 1)

    await fleet.eventually(lambda: runs["tick"] and runs["work"])
    assert runs["never"] == 0


async def test_saqs_page_shows_our_worker_in_each_of_its_queues(fleet) -> None:
    """Counters are a worker's own, by queue."""
    worker = fleet.start_ours()
    default, critical = fleet.stock_queue(), fleet.stock_queue("critical")
    for number in range(3):
        await default.apply("plain", n=number, timeout=20)
    await critical.apply("urgent", timeout=20)
    await worker.worker_info()

    infos = [(await queue.info())["workers"][worker.id] for queue in (default, critical)]

    assert [info["stats"]["complete"] for info in infos] == [3, 1]
    assert [info["queue_key"] for info in infos] == ["default", "critical"]
    assert infos[0]["metadata"]["pid"]
    await worker.stop()
    assert (await default.info())["workers"] == {}


async def test_ids_with_odd_characters_break_no_token_and_no_record(fleet, queue: JobQueue) -> None:
    async def work(_ctx: Any) -> int:
        return 1

    fleet.serve(Worker(queue, [("work", work)], id='host:1 "a"\\'))

    assert await queue.apply("work", timeout=20) == 1
