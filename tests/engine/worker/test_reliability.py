"""Nothing lost, nothing twice: leases, fences, shutdown, recovery."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Any

import pytest

from jobctl import Context, Worker
from jobctl.broker import keys
from jobctl.broker.cycle import Cycle, Ended, Turn
from jobctl.broker.upkeep import Upkeep

DONE = b',"status":"complete","result":1'


def cycle_of(shop, worker_id: str, lease_ms: int = 15_000) -> Cycle:
    return Cycle(shop.url, dict(shop.weights), worker_id, lease_ms=lease_ms)


async def lost_tick(shop) -> list[tuple[str, str]]:
    """Run upkeep once; return (key, outcome) of what it recovered."""
    of = [keys.QueueKeys(name) for name in shop.weights]
    findings = await Upkeep(shop.redis, of, shop.registrations.values()).tick()
    return [(keys.split_job_id(job.id)[1], job.outcome) for job in findings.recovered]


async def one_job(shop, **options) -> str:
    async def work(ctx: Context) -> None: ...

    shop.job(work, **options)
    return await shop.enqueue("work")


async def test_claim_marks_leases_and_counts_in_one_step(shop) -> None:
    key = await one_job(shop)
    cycle = cycle_of(shop, "w1")

    turn = await cycle.turn(Ended(), 10)

    job_id = keys.job_id("default", key)
    of = keys.QueueKeys("default")
    assert [claim[1] for claim in turn.claims] == [job_id]
    record = await shop.record(key)
    assert (record["status"], record["worker_id"], record["started"]) == ("active", "w1", turn.now_ms)
    assert await shop.redis.zscore(of.leases, job_id) == turn.now_ms + 15_000
    assert await shop.redis.hget(of.owners, job_id) == turn.token.encode()
    assert await shop.index("queued") == []
    await cycle.close()


async def test_job_of_a_dead_worker_runs_again_within_its_lease_and_spends_no_retry(shop) -> None:
    key = await one_job(shop, retries=0)
    dead = cycle_of(shop, "dead", lease_ms=200)
    await dead.turn(Ended(), 1)
    await dead.close()
    started_at = time.monotonic()

    shop.start()
    record = await shop.until(key, "complete")

    assert time.monotonic() - started_at < 8.0  # a lease of 0.2 s and an upkeep of 1 s; 15 s with the usual lease
    assert record["attempts"] == 1
    assert await shop.redis.hget(keys.QueueKeys("default").crashes, keys.job_id("default", key)) == b"1"
    (loss,) = [await shop.redis.hget(keys.QueueKeys("default").losses, keys.job_id("default", key))]
    assert b'"worker":"dead"' in loss


async def test_job_that_loses_three_workers_is_dead_with_that_reason(shop) -> None:
    key = await one_job(shop)
    outcomes = []
    for n in range(3):
        cycle = cycle_of(shop, f"victim{n}", lease_ms=1)
        assert (await cycle.turn(Ended(), 1)).claims
        await cycle.close()
        await asyncio.sleep(0.005)
        outcomes += await lost_tick(shop)

    assert outcomes == [(key, "lost"), (key, "lost"), (key, "dead")]
    record = await shop.record(key)
    assert record["status"] == "failed"
    assert "lost 3 times" in record["error"]
    assert await shop.index("dead") == [key]
    assert await shop.index("incomplete") == []


async def test_stale_owner_cannot_finish_retry_or_hand_back(shop) -> None:
    key = await one_job(shop)
    paused, other = cycle_of(shop, "paused", lease_ms=1), cycle_of(shop, "other")
    old = await paused.turn(Ended(), 1)
    await asyncio.sleep(0.005)
    await lost_tick(shop)
    new = await other.turn(Ended(), 1)
    job_id = old.claims[0][1]
    assert [claim[1] for claim in new.claims] == [job_id]
    before = await shop.redis.get(job_id)

    for op, body, number in (("c", DONE, 60), ("r", b'{"x":1}', 0), ("d", b'{"x":1}', 60), ("b", DONE, 1)):
        ended = Ended()
        ended.add(1, job_id, old.token, op, body, number)
        assert (await paused.turn(ended, 0)).fenced == [0]

    assert await shop.redis.get(job_id) == before
    assert await shop.index("active") == [key]
    await paused.close()
    await other.close()


async def test_exact_repeat_of_an_own_finish_is_taken_for_the_finish(shop) -> None:
    await one_job(shop)
    cycle = cycle_of(shop, "w1")
    turn = await cycle.turn(Ended(), 1)
    ended = Ended()
    ended.add(1, turn.claims[0][1], turn.token, "c", DONE, 60)
    again = Ended(list(ended.values))

    first = await cycle.turn(ended, 0)
    second = await cycle.turn(again, 0)

    assert (first.fenced, second.fenced) == ([], [])
    assert len(await shop.index("complete")) == 1
    await cycle.close()


async def test_claim_whose_answer_was_lost_is_handed_back_at_once(shop) -> None:
    key = await one_job(shop)
    cycle = cycle_of(shop, "w1")
    await cycle.turn(Ended(), 0)
    await cycle.turn(Ended(), 1)
    # as if the answer to that claim had never come
    owner = await shop.redis.hget(keys.QueueKeys("default").owners, keys.job_id("default", key))
    cycle._unanswered.add(owner.decode())

    turn = await cycle.turn(Ended(), 1)

    assert [keys.split_job_id(claim[1])[1] for claim in turn.claims] == [key]
    await cycle.close()


async def test_lost_lease_stops_the_handler_and_its_end_is_not_written(shop) -> None:
    stopped = asyncio.Event()

    async def long(ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    shop.job(long)
    key = await shop.enqueue("long")
    shop.start(lease_ms=300)
    await shop.until(key, "active")

    await shop.redis.hset(keys.QueueKeys("default").owners, keys.job_id("default", key), "somebody:else:1")
    await asyncio.wait_for(stopped.wait(), 5)

    assert await shop.redis.hget(keys.QueueKeys("default").owners, keys.job_id("default", key)) == b"somebody:else:1"
    assert (await shop.record(key))["status"] == "active"


async def test_handler_that_blocks_the_loop_keeps_its_lease_and_runs_once(shop) -> None:
    runs = []

    async def blocks(ctx: Context) -> None:
        runs.append(ctx.key)
        time.sleep(1.5)

    shop.job(blocks)
    key = await shop.enqueue("blocks")
    # in processes of their own, as in life: another worker must find nothing to recover
    worker = shop.worker(lease_ms=300, burst=True)
    rescuer = asyncio.to_thread(lambda: asyncio.run(rescue(shop.url, shop.weights)))
    rescued, _ = await asyncio.gather(rescuer, worker.run())

    assert rescued == 0
    assert runs == [key]
    assert (await shop.record(key))["status"] == "complete"


async def rescue(url: str, weights: Any) -> int:
    from jobctl.broker.connect import connect

    server = connect(url)
    upkeep = Upkeep(server, [keys.QueueKeys(name) for name in weights], ())
    count, until = 0, time.monotonic() + 1.4
    while time.monotonic() < until:
        count += len((await upkeep.tick()).recovered)
        await asyncio.sleep(0.05)
    await server.aclose()
    return count


async def test_stopping_worker_waits_for_its_jobs(shop) -> None:
    go = asyncio.Event()

    async def short(ctx: Context) -> str:
        await go.wait()
        return "done"

    shop.job(short)
    key = await shop.enqueue("short")
    worker = shop.start()
    await shop.until(key, "active")

    worker.request_stop()
    go.set()
    await asyncio.wait_for(shop.workers[0], 10)

    assert (await shop.record(key))["result"] == "done"


async def test_job_that_outlasts_the_grace_goes_to_the_head_of_its_queue_unspent(shop) -> None:
    async def endless(ctx: Context, i: int) -> None:
        await asyncio.Event().wait()

    shop.job(endless)
    first = await shop.enqueue("endless", {"i": 1})
    worker = shop.start(grace_s=0.05, concurrency=1)
    await shop.until(first, "active")
    second = await shop.enqueue("endless", {"i": 2})

    await worker.stop()
    await asyncio.wait_for(shop.workers[0], 10)

    assert await shop.index("queued") == [first, second]
    record = await shop.record(first)
    assert (record["status"], record.get("attempts", 0), record["started"]) == ("queued", 0, 0)
    assert await shop.redis.hget(keys.QueueKeys("default").interruptions, keys.job_id("default", first)) == b"1"
    for index in ("active", "leases", "owners"):
        assert await shop.index(index) == [], index


async def test_handler_that_ignores_its_cancellation_is_handed_back_and_the_worker_still_stops(shop) -> None:
    release = asyncio.Event()

    async def stubborn(ctx: Context) -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    shop.job(stubborn)
    key = await shop.enqueue("stubborn")
    worker = shop.start(grace_s=0.05)
    await shop.until(key, "active")

    await worker.stop()
    await asyncio.wait_for(shop.workers[0], 10)
    release.set()

    assert await shop.index("queued") == [key]


async def test_handler_that_fails_while_it_is_stopped_is_handed_back_unspent(shop) -> None:
    async def untidy(ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("the connection to be closed is closed")

    shop.job(untidy, retries=0)
    key = await shop.enqueue("untidy")
    worker = shop.start(grace_s=0.0)
    await shop.until(key, "active")

    await worker.stop()

    assert await shop.index("queued") == [key]
    assert (await shop.record(key)).get("attempts", 0) == 0


async def test_worker_that_is_cancelled_again_hands_back_at_once(shop) -> None:
    async def endless(ctx: Context) -> None:
        await asyncio.Event().wait()

    shop.job(endless)
    key = await shop.enqueue("endless")
    worker = shop.start(grace_s=600.0)
    await shop.until(key, "active")

    shop.workers[0].cancel()
    await shop.eventually(worker.event.is_set)
    shop.workers[0].cancel()
    await asyncio.wait_for(shop.workers[0], 20)

    assert await shop.index("queued") == [key]
    assert worker.condition.leases == worker.condition.busy == 0


async def test_every_worker_of_a_loop_hears_a_signal(shop, monkeypatch) -> None:
    monkeypatch.setattr(Worker, "SIGNALS", [signal.SIGWINCH])  # should nobody hear it, nothing happens
    shop.start()
    short = shop.start()
    third = shop.start()
    for worker in (short, third):
        await worker.started.wait()
    await short.stop()

    signal.raise_signal(signal.SIGWINCH)

    await asyncio.wait_for(asyncio.gather(*shop.workers), 20)


async def test_cancelling_a_running_job_stops_it_and_ends_it_as_cancelled(shop) -> None:
    async def endless(ctx: Context) -> None:
        await asyncio.Event().wait()

    shop.job(endless)
    key = await shop.enqueue("endless")
    shop.start()
    await shop.until(key, "active")

    await shop.redis.hset(keys.QueueKeys("default").cancels, keys.job_id("default", key), "by the operator")
    await shop.redis.publish(keys.WAKE, "default")
    record = await shop.until(key, "aborted")

    assert record["error"] == "by the operator"
    assert await shop.index("cancels") == []
    assert await shop.index("cancelled") == [key]


async def test_delayed_job_starts_within_100_ms_of_its_time(shop) -> None:
    started: list[float] = []

    async def timed(ctx: Context) -> None:
        started.append(time.time())

    shop.job(timed)
    shop.start()
    await asyncio.sleep(0.3)  # let the worker go idle: the job must wake it
    due = time.time() + 0.4
    key = await shop.enqueue("timed", delay_ms=400)

    await shop.until(key, "complete")

    assert -0.02 < started[0] - due < 0.1


async def test_paused_queue_rests_and_resumes(shop) -> None:
    key = await one_job(shop)
    of = keys.QueueKeys("default")
    await shop.redis.set(of.paused, 1)
    shop.start()
    await asyncio.sleep(0.3)  # nothing to wait on: the point is that nothing happens
    assert await shop.index("queued") == [key]

    await shop.redis.delete(of.paused)
    await shop.redis.publish(keys.WAKE, "default")

    await shop.until(key, "complete")


async def test_resumed_queue_is_served_although_nobody_heard_of_it(shop) -> None:
    async def work(ctx: Context) -> None: ...

    shop.job(work)
    worker = shop.start()
    await worker.started.wait()
    await shop.eventually(lambda: worker._session is not None and worker._session.peeks[1]._armed.is_set())
    session, paused = worker._session, keys.QueueKeys("default").paused
    turns = session.cycle._turns

    await shop.redis.set(paused, 1)
    key = await shop.enqueue("work")
    # it has been woken, and has seen that the queue is paused
    await shop.eventually(lambda: session.cycle._turns > turns and session.feed._under_way == 0)
    await shop.redis.delete(paused)  # and the word of it was lost, with the connection that listens, say

    await shop.until(key, "complete")


async def test_unique_lock_is_released_when_the_job_ends(shop) -> None:
    from jobctl.broker.envelope import seal
    from jobctl.spec.model import Unique

    async def once(ctx: Context, i: int) -> None: ...

    job = shop.job(once, unique=Unique(by=("i",)))
    first = await shop.enqueue("once", {"i": 1})
    assert await shop.store([seal(job, {"i": 1})]) == [keys.job_id("default", first)]
    assert await shop.store([seal(job, {"i": 2})]) == [None]

    await shop.burst()

    assert await shop.store([seal(job, {"i": 1})]) == [None]


async def test_jobs_that_completed_together_are_each_kept_for_their_own_time(shop) -> None:
    async def brief(ctx: Context, i: int) -> None: ...

    async def kept(ctx: Context, i: int) -> None: ...

    shop.job(brief, retention_s=1)
    shop.job(kept, retention_s=600)
    found = await shop.enqueue_many([(name, {"i": i}, {}) for i in range(20) for name in ("brief", "kept")])
    shop.start()
    brief_ids, kept_ids = ([keys.job_id("default", key) for key in found[n::2]] for n in (0, 1))

    async def brief_are_gone() -> bool:
        return await shop.redis.exists(*brief_ids) == 0 and set(await shop.index("complete")) == set(found[1::2])

    await shop.eventually(brief_are_gone)
    assert await shop.redis.exists(*kept_ids) == len(kept_ids)


async def test_finished_records_are_forgotten_after_their_retention(shop) -> None:
    key = await one_job(shop, retention_s=1)
    shop.start()
    await shop.until(key, "complete")

    async def gone() -> bool:
        return await shop.index("complete") == [] and await shop.index("expiry") == []

    await shop.eventually(gone)
    assert await shop.redis.exists(keys.job_id("default", key)) == 0


async def test_worker_survives_the_server_restarting_its_connections_and_script_cache(shop) -> None:
    async def work(ctx: Context, i: int) -> None:
        await asyncio.sleep(0.001)

    shop.job(work)
    found = await shop.enqueue_many([("work", {"i": i}, {}) for i in range(300)])
    shop.start(concurrency=5)
    for _ in range(10):
        await shop.redis.script_flush()
        await shop.redis.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.05)

    for key in found:
        assert (await shop.until(key, "complete"))["attempts"] == 1


async def test_jobs_of_a_claim_that_was_under_way_at_the_stop_do_not_start(
    shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []

    async def work(ctx: Context, i: int) -> None:
        runs.append(i)

    shop.job(work)
    found = await shop.enqueue_many([("work", {"i": i}, {}) for i in range(5)])
    worker = shop.worker()
    turn = Cycle.turn

    async def stopped_meanwhile(*args: Any) -> Turn:
        claimed = await turn(*args)
        worker.request_stop()
        return claimed

    monkeypatch.setattr(Cycle, "turn", stopped_meanwhile)
    await worker.run()

    assert runs == []
    assert await shop.index("queued") == found
    assert await shop.index("interruptions") == await shop.index("leases") == []
