"""How jobs end, run again and are written, for callers of SAQ's own methods."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from saq import Job, Status

from jobctl.broker.keys import QueueKeys
from jobctl.broker.queue import MAX_DELAY_S, JobQueue, _retry_delay_s
from jobctl.broker.upkeep import Upkeep
from jobctl.errors import UsageError

HELD = {"active", "incomplete", "leases", "owners"}


async def test_finished_job_is_in_one_index_and_its_record_expires(bench, queue) -> None:
    await queue.enqueue("work", ttl=60)
    job = await bench.claim(queue)

    await job.finish(Status.COMPLETE, result={"a": 1})

    assert await bench.places(job) == {"complete"}
    assert (await bench.record(job))["result"] == {"a": 1}
    assert 0 < await bench.server.ttl(job.id) <= 60


async def test_failed_job_is_kept_among_the_dead(bench, queue) -> None:
    """[C13] SAQ forgets it after ten minutes, without a trace."""
    await queue.enqueue("work", ttl=60)
    job = await bench.claim(queue)

    await job.finish(Status.FAILED, error="no luck")

    assert await bench.places(job) == {"dead"}
    assert await bench.server.ttl(job.id) > 86_400


async def test_first_end_stands(bench, queue) -> None:
    """[A8] Terminal is terminal."""
    await queue.enqueue("work")
    job = await bench.claim(queue)
    await job.finish(Status.COMPLETE, result=1)
    before = await bench.record(job)

    await job.finish(Status.ABORTED, error="too late")

    assert await bench.places(job) == {"complete"}
    assert await bench.record(job) == before


async def test_end_sent_again_after_a_lost_answer_is_taken_for_the_end_itself(bench, queue) -> None:
    """[B1] SAQ makes a failure of a success whose answer was lost."""
    await queue.enqueue("work")
    job = await bench.claim(queue)
    job.status, job.result = Status.COMPLETE, 1
    token, record = queue._token(job), queue.serialize(job)

    answers = [await queue._end_as(job.id, token, record, Status.COMPLETE, 60) for _ in range(2)]

    assert answers == [b"ended", b"again"]
    assert await bench.places(job) == {"complete"}


async def test_end_by_a_proxy_that_has_forgotten_its_tokens_is_accepted(bench) -> None:
    """Its record shows that it is the present delivery."""
    before, after = bench.queue(), bench.queue()
    await before.enqueue("work")
    job = await bench.claim(before, started=1_700_000_000_000)

    await after.finish(after.deserialize(job.to_dict()), Status.COMPLETE, result=1)

    assert await bench.places(job) == {"complete"}


async def test_result_that_cannot_be_stored_does_not_stop_the_retry(bench, queue) -> None:
    """[C1] With SAQ neither the finish nor the retry can be stored."""
    await queue.enqueue("work", retries=2)
    job = await bench.claim(queue)

    with pytest.raises(TypeError):
        await job.finish(Status.COMPLETE, result=object())
    await job.retry("the result is not JSON")

    assert await bench.places(job) == {"queued", "incomplete"}
    assert (await bench.record(job))["error"] == "the result is not JSON"


async def test_nan_is_stored_as_null(bench, queue) -> None:
    """[C2] What SAQ stores no browser can read."""
    await queue.enqueue("work")
    job = await bench.claim(queue)

    await job.finish(Status.COMPLETE, result=[1.0, float("nan")])

    assert b"NaN" not in await bench.server.get(job.id)
    assert (await bench.record(job))["result"] == [1.0, None]


async def test_retry_with_a_delay_waits_for_its_time(bench, queue) -> None:
    await queue.enqueue("work", retries=2, retry_delay=100.0)
    job = await bench.claim(queue)

    await job.retry("again")

    assert await bench.places(job) == {"incomplete", "retrying"}


@pytest.mark.parametrize("attempts", [40, 1_100])
def test_delays_have_a_bound(attempts: int) -> None:
    """[C14] SAQ: 17,000 years after attempt 40, an OverflowError after 1,100."""
    job = Job("work", retry_delay=10.0, retry_backoff=True, attempts=attempts)

    assert 0 <= _retry_delay_s(job) <= MAX_DELAY_S


async def test_retry_of_an_ended_job_is_a_new_life_with_all_its_attempts(bench, queue) -> None:
    """[C13] With SAQ its attempts stay used up."""
    await queue.enqueue("work", retries=2)
    job = await bench.claim(queue, attempts=2)
    await job.finish(Status.FAILED, error="no luck")
    of = queue.keys
    await bench.server.hset(of.crashes, job.id, 2)

    await (await queue.job(job.key)).retry("by hand")

    record = await bench.record(job)
    assert await bench.places(job) == {"queued", "incomplete"}
    assert (record["attempts"], record["status"]) == (0, "queued")
    assert await bench.server.ttl(job.id) == -1
    assert await bench.server.hexists(of.crashes, job.id) is False


async def test_retry_of_a_running_job_is_refused(bench) -> None:
    """[E4] SAQ's page would run it twice at once."""
    worker, page = bench.queue(), bench.queue()
    await worker.enqueue("work", retries=2)
    job = await bench.claim(worker)

    await (await page.job(job.key)).retry("retried from ui")

    assert await bench.places(job) == HELD


async def test_abort_of_a_waiting_job_ends_it_at_once_and_counts_once(bench, queue) -> None:
    """[E1]"""
    job = await queue.enqueue("work", ttl=60)

    await job.abort("not needed")

    assert await bench.places(job) == {"cancelled"}
    record = await bench.record(job)
    assert (record["status"], record["error"]) == ("aborted", "not needed")
    assert (job.status, queue.aborted) == (Status.ABORTED, 1)
    assert 0 < await bench.server.ttl(job.id) <= 60


async def test_abort_of_a_scheduled_job_ends_it(bench, queue) -> None:
    job = await queue.enqueue("work", scheduled=int(time.time()) + 1000)

    await job.abort("not needed")

    assert await bench.places(job) == {"cancelled"}


async def test_abort_releases_the_unique_lock(bench, queue) -> None:
    job = Job("work", meta={"jobctl": {"unique": "jobctl:unique:work:1"}})
    await queue.enqueue(job)
    await bench.server.set("jobctl:unique:work:1", job.id)

    await job.abort("not needed")

    assert not await bench.server.exists("jobctl:unique:work:1")


async def test_abort_of_an_ended_job_changes_nothing(bench, queue) -> None:
    """[E3] SAQ makes an "aborting" of a complete job, for ever."""
    await queue.enqueue("work", ttl=60)
    job = await bench.claim(queue)
    await job.finish(Status.COMPLETE, result=1)
    before = await bench.record(job)

    await (await queue.job(job.key)).abort("aborted from ui")

    assert await bench.record(job) == before
    assert 0 < await bench.server.ttl(job.id) <= 60


async def test_abort_of_a_job_nobody_knows_stores_nothing(bench, queue) -> None:
    """[E3]"""
    job = Job("work", queue=queue)

    await job.abort("not needed")

    assert not await bench.server.exists(job.id)


async def test_key_of_an_aborted_job_is_free_when_its_run_has_ended(bench, queue) -> None:
    """[E6] With SAQ two of them run at once after five seconds."""
    await queue.enqueue("work", key="k")
    job = await bench.claim(queue)

    await job.abort("stop")

    assert await bench.places(job) == {*HELD, "cancels"}
    assert [await queue.count(kind) for kind in ("active", "incomplete", "queued")] == [0, 0, 0]
    await bench.server.delete(job.abort_id)
    assert await queue.enqueue("work", key="k") is None
    await job.finish(Status.ABORTED, error="stop")
    assert await queue.enqueue("work", key="k") is not None


async def test_abort_in_one_queue_does_not_refuse_the_key_in_another(bench) -> None:
    """[E7] SAQ's mark has no queue in its name."""
    first, second = bench.queue("first"), bench.queue("second")
    await first.enqueue("work", key="k")
    job = await bench.claim(first)

    await job.abort("stop")

    assert await second.enqueue("work", key="k") is not None


async def test_aborted_job_whose_worker_dies_is_cancelled_and_does_not_run_again(bench, queue) -> None:
    """[E3] With SAQ it stays "aborting" for ever."""
    await queue.enqueue("work", retries=5)
    job = await bench.claim(queue)
    await job.abort("stop")

    await bench.lose_lease(job)
    await Upkeep(bench.server, [QueueKeys("default")]).tick()

    assert await bench.places(job) == {"cancelled"}
    assert (await bench.record(job))["error"] == "stop"


async def test_job_that_saq_aborted_and_whose_worker_dies_is_cancelled(bench, queue) -> None:
    """[E3] SAQ's own abort takes it out of all indexes; the lease is what remains."""
    await queue.enqueue("work", retries=5)
    job = await bench.claim(queue)
    stock = bench.stock()
    await stock.abort(await stock.job(job.key), "stop")

    await bench.lose_lease(job)
    await Upkeep(bench.server, [QueueKeys("default")]).tick()

    assert await bench.places(job) == {"cancelled"}


async def test_aborted_job_that_fails_meanwhile_is_cancelled_and_not_retried(bench, queue) -> None:
    await queue.enqueue("work", retries=5)
    job = await bench.claim(queue)
    await (await queue.job(job.key)).abort("stop")

    await job.retry("failed by itself")

    assert await bench.places(job) == {"cancelled"}
    assert job.status == Status.ABORTED


async def test_aborted_job_that_succeeds_meanwhile_is_complete(bench, queue) -> None:
    """[A8] What was done was done."""
    await queue.enqueue("work")
    job = await bench.claim(queue)
    await (await queue.job(job.key)).abort("stop")

    await job.finish(Status.COMPLETE, result=1)

    assert await bench.places(job) == {"complete"}


async def test_update_after_the_end_keeps_outcome_and_time_to_live(bench, queue) -> None:
    """[E5] With SAQ the record stays for ever."""
    await queue.enqueue("work", ttl=60)
    job = await bench.claim(queue)
    await job.finish(Status.COMPLETE, result=1)

    ended = await queue.job(job.key)
    await ended.update(meta={"seen": True})

    record = await bench.record(job)
    assert (record["meta"], record["result"], record["status"]) == ({"seen": True}, 1, "complete")
    assert 0 < await bench.server.ttl(job.id) <= 60


async def test_copy_from_before_the_end_is_not_written_over_it(bench, queue) -> None:
    """[E5]"""
    await queue.enqueue("work")
    job = await bench.claim(queue)
    copy = await queue.job(job.key)
    await job.finish(Status.COMPLETE, result=1)
    before = await bench.record(job)

    await copy.update(progress=0.5)
    await copy.update(status=Status.ACTIVE)

    assert await bench.record(job) == before


async def test_update_of_a_job_that_is_gone_stores_nothing(bench, queue) -> None:
    """[E5]"""
    await queue.enqueue("work", ttl=-1)
    job = await bench.claim(queue)
    await job.finish(Status.COMPLETE)

    await job.update(progress=0.5)

    assert not await bench.server.exists(job.id)


async def test_update_does_not_take_back_an_abort(bench, queue) -> None:
    await queue.enqueue("work")
    job = await bench.claim(queue)
    await (await queue.job(job.key)).abort("stop")

    await job.update(progress=0.5)

    record = await bench.record(job)
    assert (record["status"], record["error"], record["progress"]) == ("aborting", "stop", 0.5)


@pytest.mark.parametrize("scheduled", [0, 0.0, -1, None])
async def test_no_time_means_now(bench, queue, scheduled: float | None) -> None:
    """[D3] SAQ queues these never, and blocks their key."""
    job = await queue.enqueue("work", scheduled=scheduled)

    assert await bench.places(job) == {"queued", "incomplete"}


async def test_fractions_of_a_second_are_due_times_as_others(bench, queue) -> None:
    """[D3]"""
    job = await queue.enqueue("work", scheduled=0.5)

    assert await queue.schedule() == [job.id]
    assert await bench.places(job) == {"queued", "incomplete"}


@pytest.mark.parametrize("scheduled", [float("inf"), float("nan")])
async def test_times_that_are_none_are_refused(queue, scheduled: float) -> None:
    """[D3]"""
    with pytest.raises(ValueError, match="scheduled"):
        await queue.enqueue("work", scheduled=scheduled)


async def test_schedule_takes_any_lock_and_a_bounded_number_of_jobs(bench, queue) -> None:
    """[D2] [D4]"""
    for number in range(3):
        await queue.enqueue("work", key=str(number), scheduled=number + 1)

    assert await queue.schedule(lock=0.2) == [f"saq:job:default:{number}" for number in range(3)]
    assert await queue.schedule(lock=0.2) == []


async def test_clock_that_is_half_a_minute_ahead_promotes_nothing_early(
    bench, queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[D5] The broker's clock counts."""
    await queue.enqueue("work", scheduled=int(time.time()) + 25)
    clock = time.time() + 30

    monkeypatch.setattr("saq.utils.time.time", lambda: clock)

    assert await queue.schedule() == []


async def test_clock_of_a_test_is_followed(bench, queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour off is no skewed host but a test's own time."""
    job = await queue.enqueue("work", scheduled=int(time.time()) + 86_000)
    clock = time.time() + 86_400

    monkeypatch.setattr("saq.utils.time.time", lambda: clock)

    assert await queue.schedule() == [job.id]


async def test_enqueue_sent_again_after_a_lost_answer_is_no_duplicate(bench, queue) -> None:
    """[B2]"""
    job = Job("work", key="k", queue=queue, queued=1)
    record = queue.serialize(job)
    of = queue.keys
    names = [job.id, of.queued, of.incomplete, of.complete, of.dead, of.cancelled, of.replayed, of.expiry, "q", "w"]

    answers = [await queue._submit(names, [record, "0", "default"]) for _ in range(2)]

    assert answers == [(await bench.record(job))["queued"]] * 2
    assert await queue.count("queued") == 1


async def test_same_key_in_the_same_millisecond_is_a_duplicate(queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """[B2] [E8] Two calls, not one that was sent again."""
    monkeypatch.setattr("saq.queue.base.now", lambda: 1)

    assert await queue.enqueue("work", key="k") is not None
    assert await queue.enqueue("work", key="k") is None


async def test_key_used_again_starts_without_the_old_jobs_traces(bench, queue) -> None:
    """[E8]"""
    await queue.enqueue("work", key="k")
    job = await bench.claim(queue)
    await job.finish(Status.COMPLETE, result=1)
    await bench.server.hset(queue.keys.crashes, job.id, 2)

    again = await queue.enqueue("work", key="k")

    assert await bench.places(again) == {"queued", "incomplete"}
    assert not await bench.server.hexists(queue.keys.crashes, job.id)
    assert await bench.server.ttl(job.id) == -1


async def test_batch_aborts_its_own_jobs_only(bench, queue) -> None:
    """[E12] With SAQ also those that others enqueue on the same object meanwhile."""
    entered, leave = asyncio.Event(), asyncio.Event()

    async def batch() -> Job:
        with pytest.raises(RuntimeError):  # noqa: PT012
            async with queue.batch():
                own = await queue.enqueue("own")
                entered.set()
                await leave.wait()
                raise RuntimeError
        return own

    running = asyncio.ensure_future(batch())
    await entered.wait()
    other = await queue.enqueue("other")
    leave.set()
    own = await running

    assert await bench.places(own) == {"cancelled"}
    assert await bench.places(other) == {"queued", "incomplete"}


async def test_cancelled_batch_aborts_its_jobs(bench, queue) -> None:
    """[E12] SAQ's own example does not."""
    with pytest.raises(asyncio.CancelledError):  # noqa: PT012
        async with queue.batch():
            job = await queue.enqueue("own")
            raise asyncio.CancelledError

    assert await bench.places(job) == {"cancelled"}


async def test_records_that_are_no_json_are_refused(bench) -> None:
    """Wire format is JSON, never pickle: scripts splice fields onto records."""
    import pickle

    queue = bench.queue(dump=pickle.dumps, load=pickle.loads)

    with pytest.raises(UsageError):
        await queue.enqueue("work")


async def test_update_by_status_goes_through_the_scripts(bench, queue) -> None:
    """A state is never just written."""
    await queue.enqueue("work")
    job = await bench.claim(queue)

    await job.update(status=Status.ABORTING)
    assert await bench.places(job) == {*HELD, "cancels"}

    await job.update(status=Status.COMPLETE)
    assert await bench.places(job) == {"complete"}


async def test_client_that_decodes_answers_is_refused(redis_url: str) -> None:
    from redis.asyncio import Redis

    with pytest.raises(UsageError):
        JobQueue(Redis.from_url(redis_url, decode_responses=True))


async def test_big_numbers_and_empty_lists_survive_every_step(bench, queue) -> None:
    """Lua's JSON loses both: records are never encoded there."""
    payload = {"big": 1234567890123456789, "none": [], "nothing": {}}
    await queue.enqueue("work", retries=3, **payload)
    job = await bench.claim(queue)
    await job.update(progress=0.5)
    await job.retry("again")
    job = await bench.claim(queue)
    await (await queue.job(job.key)).abort("stop")
    await job.finish(Status.ABORTED, error="stop")

    assert json.loads(await bench.server.get(job.id))["kwargs"] == payload
