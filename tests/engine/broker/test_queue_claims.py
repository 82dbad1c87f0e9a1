"""Claims through SAQ's `dequeue`."""

from __future__ import annotations

import asyncio
import json
import logging
import socket

import pytest
from saq import Status

from jobctl.broker.deliveries import Deliveries
from jobctl.broker.keys import QueueKeys
from jobctl.broker.queue import JobQueue
from jobctl.broker.scripts import Script
from jobctl.broker.upkeep import Upkeep


async def test_claimed_job_is_active_with_lease_and_token_in_one_step(bench, queue) -> None:
    """[A7] Nobody sees a job that has been moved and is not yet active."""
    await queue.enqueue("work")

    job = await queue.dequeue(timeout=5)

    assert await bench.places(job) == {"active", "incomplete", "leases", "owners"}
    assert (await bench.record(job))["status"] == "active"
    # what the caller gets is as SAQ's worker expects it: not counted, not marked
    assert (job.status, job.attempts, job.started) == (Status.QUEUED, 0, 0)


async def test_waiting_dequeue_returns_as_soon_as_something_is_enqueued(queue) -> None:
    waiting = asyncio.ensure_future(queue.dequeue())
    await asyncio.sleep(0)

    await queue.enqueue("work")

    async with asyncio.timeout(3):
        assert (await waiting).function == "work"


async def test_dequeue_gives_up_after_its_timeout(queue) -> None:
    assert await queue.dequeue(timeout=0.05) is None


async def test_cancelled_dequeue_hands_its_job_back(bench, queue) -> None:
    """[B3] [C16] A claim whose answer nobody waits for any more is undone."""
    job = await queue.enqueue("work")
    claiming = asyncio.ensure_future(queue.dequeue())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    claiming.cancel()
    await asyncio.gather(claiming, return_exceptions=True)
    await queue.deliveries.close()

    assert await bench.places(job) == {"queued", "incomplete"}
    assert (await bench.record(job))["status"] == "queued"


async def test_cancelled_wait_leaves_the_queue_as_it_is(bench, queue) -> None:
    """[B3] The peek takes nothing."""
    waiting = asyncio.ensure_future(queue.dequeue())
    await bench.eventually(queue.deliveries._waiting.locked)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    job = await queue.enqueue("work")

    assert await bench.places(job) == {"queued", "incomplete"}


async def test_claim_sent_again_after_a_lost_answer_brings_the_same_job(bench, queue) -> None:
    """[B3] The client library repeats a call whose answer was lost: no second job is claimed."""
    first, second = await queue.enqueue("work"), await queue.enqueue("work")
    of = queue.keys
    claim = Script(queue.redis, "claim")
    names = [of.queued, of.active, of.incomplete, of.leases, of.owners, of.poison, of.paused]

    answers = [await claim(names, ["dequeue-x:1", 15_000, 0, of.name]) for _ in range(2)]

    assert [answer[0].decode() for answer in answers] == [first.id, first.id]
    assert await bench.places(second) == {"queued", "incomplete"}


async def test_many_waiting_callers_share_two_connections(bench) -> None:
    """[B14] SAQ takes a connection for each."""
    queue = bench.queue()
    waiting = [asyncio.ensure_future(queue.dequeue(timeout=5)) for _ in range(40)]
    await bench.eventually(queue.deliveries._waiting.locked)

    for _ in range(40):
        await queue.enqueue("work")
    jobs = await asyncio.gather(*waiting)

    assert len({job.key for job in jobs}) == 40
    pool = queue.redis.connection_pool
    assert len(pool._available_connections) + len(pool._in_use_connections) <= 3


async def test_job_whose_record_is_gone_is_moved_aside(bench, queue) -> None:
    """[B11] An evicted record neither blocks its queue nor stays in the active list."""
    gone, next_one = await queue.enqueue("work"), await queue.enqueue("work")
    await bench.server.delete(gone.id)

    job = await queue.dequeue(timeout=5)

    assert job == next_one
    assert await bench.places(gone) == set()
    assert await bench.server.hkeys("jobctl:default:poison") == [gone.id.encode()]


@pytest.mark.parametrize("record", [b"no json", b"[]", b'{"kwargs": {}}', b'{"function": 1}'])
async def test_record_that_is_no_job_is_moved_aside(bench, queue, record: bytes) -> None:
    """[C18]"""
    broken, next_one = await queue.enqueue("work"), await queue.enqueue("work")
    await bench.server.set(broken.id, record)

    assert await queue.dequeue(timeout=5) == next_one

    assert await bench.server.hget("jobctl:default:poison", broken.id) == record
    assert await bench.places(broken) == set()


async def test_record_of_another_queue_is_dead_with_its_reason(bench, queue) -> None:
    """[C18] [E13]"""
    broken, next_one = await queue.enqueue("work"), await queue.enqueue("work")
    await bench.server.set(broken.id, json.dumps({**await bench.record(broken), "queue": "other"}))

    assert await queue.dequeue(timeout=5) == next_one

    assert await bench.places(broken) == {"dead"}
    assert "not a job record" in (await bench.record(broken))["error"]


async def test_unknown_fields_of_a_newer_saq_are_left_out(bench, queue) -> None:
    """[C18]"""
    job = await queue.enqueue("work")
    await bench.server.set(job.id, json.dumps({**await bench.record(job), "flavour": "new", "meta": None}))

    claimed = await queue.dequeue(timeout=5)

    assert (claimed.function, claimed.meta) == ("work", {})


async def test_paused_queue_gives_nothing(bench, queue) -> None:
    await bench.server.set(queue.keys.paused, 1)
    await queue.enqueue("work")

    assert await queue.dequeue(timeout=0.05) is None


async def test_stale_delivery_can_neither_finish_nor_retry_nor_update(bench) -> None:
    """[A9] A worker that was paused past its lease wakes up."""
    ours, theirs = bench.queue(), bench.queue()
    await ours.enqueue("work", retries=3)
    stale = await bench.claim(ours)
    await bench.lose_lease(stale)
    await Upkeep(bench.server, [QueueKeys("default")]).tick()
    current = await bench.claim(theirs)
    before = await bench.record(current)

    await stale.update(meta={"by": "stale"})
    await stale.finish(Status.COMPLETE, result="stale")

    assert await bench.record(current) == before
    assert await bench.places(current) == {"active", "incomplete", "leases", "owners"}
    await current.finish(Status.COMPLETE, result="current")
    assert (await bench.record(current))["result"] == "current"


async def test_stale_retry_is_refused(bench) -> None:
    """[A9]"""
    ours, theirs = bench.queue(), bench.queue()
    await ours.enqueue("work", retries=3)
    stale = await bench.claim(ours)
    await bench.lose_lease(stale)
    await Upkeep(bench.server, [QueueKeys("default")]).tick()
    current = await bench.claim(theirs)

    await stale.retry("stale")

    assert await bench.places(current) == {"active", "incomplete", "leases", "owners"}


async def test_stale_worker_behind_a_proxy_is_refused(bench, queue) -> None:
    """[A9] A proxy has claimed both deliveries; the worker named in the record tells them apart."""
    await queue.enqueue("work", retries=3)
    stale = await bench.claim(queue, worker_id="remote-1")
    stale_copy = queue.deserialize(stale.to_dict())
    await bench.lose_lease(stale)
    await Upkeep(bench.server, [QueueKeys("default")]).tick()
    current = await bench.claim(queue, worker_id="remote-2")

    await queue.finish(stale_copy, Status.COMPLETE, result="stale")

    assert await bench.places(current) == {"active", "incomplete", "leases", "owners"}


async def test_leases_are_renewed_while_the_process_lives(bench, queue) -> None:
    """[A2] The lease has nothing to do with the job's timeout."""
    queue.deliveries = Deliveries(queue.redis, queue.keys, lease_ms=200)
    await queue.enqueue("work", timeout=0)
    job = await queue.dequeue(timeout=5)
    first = await bench.server.zscore(queue.keys.leases, job.id)

    async def renewed() -> bool:
        return await bench.server.zscore(queue.keys.leases, job.id) > first + 200

    await bench.eventually(renewed)


async def test_leases_of_a_worker_that_fell_silent_are_let_go(bench, queue) -> None:
    """[A2] Behind a proxy the process that claims outlives the worker that runs the job."""
    await queue.enqueue("work")
    job = await bench.claim(queue, worker_id="remote")
    held = queue.deliveries._held[job.id]

    queue.deliveries.heard_of("remote")
    assert queue.deliveries._lives(held)
    queue.deliveries._heard_at["remote"] -= 31
    assert not queue.deliveries._lives(held)


async def test_broker_that_is_away_is_asked_at_a_pace_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """[B6] SAQ's worker asks 12,000 times a second and says nothing."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    queue = JobQueue.from_url(f"redis://127.0.0.1:{port}")
    tries = 0
    claim = queue.deliveries._claim

    async def counting(*args: object) -> object:
        nonlocal tries
        tries += 1
        return await claim(*args)

    queue.deliveries._claim = counting
    with caplog.at_level(logging.INFO):
        waiting = asyncio.ensure_future(queue.dequeue())
        await asyncio.wait([waiting], timeout=1.0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert 1 <= tries < 20
    assert [record.message for record in caplog.records if record.name.startswith("jobctl")] == [
        "the broker cannot be used; trying again"
    ]


async def test_connections_of_a_url_have_timeouts_keepalive_and_retry(bench, queue) -> None:
    """[B1] [B5] SAQ's have none."""
    options = queue.redis.connection_pool.connection_kwargs

    assert all(options[name] for name in ("socket_timeout", "socket_connect_timeout", "health_check_interval"))
    assert options["retry"].get_retries() > 0
