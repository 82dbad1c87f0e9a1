"""Purging and draining queues."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
import redis as redis_py

from jobctl.broker import keys
from jobctl.broker.keys import QueueKeys
from jobctl.errors import JobStateError, UsageError
from jobctl.inspector import Inspector, audit, emptying
from jobctl.records import JobState


def states(inspector_counts: Any) -> dict[str, int]:
    return {state.value: count for state, count in inspector_counts.items() if count}


async def counts(inspector: Inspector, queue: str = "default") -> dict[str, int]:
    return states(next(one for one in await inspector.queues() if one.name == queue).counts)


@pytest.fixture
def filled(shelf: Any) -> None:
    """Two jobs of each state in one queue, one in another."""
    for put in (
        shelf.queued,
        shelf.active,
        shelf.scheduled,
        shelf.retrying,
        shelf.complete,
        shelf.dead,
        shelf.cancelled,
    ):
        put()
        put()
    shelf.queued("low")


ALL = {"scheduled": 2, "queued": 2, "active": 2, "retrying": 2, "complete": 2, "dead": 2, "cancelled": 2}


@pytest.mark.parametrize("state", sorted(emptying.PURGEABLE))
async def test_only_the_state_that_was_asked_for_goes(
    inspector: Inspector, filled: None, server: redis_py.Redis, state: JobState
) -> None:
    records = len(server.keys("saq:job:*"))

    assert await inspector.purge("default", {state}) == 2

    assert await counts(inspector) == {name: count for name, count in ALL.items() if name != state}
    assert await counts(inspector, "low") == {"queued": 1}
    assert len(server.keys("saq:job:*")) == records - 2


async def test_everything_but_what_runs(inspector: Inspector, filled: None, server: redis_py.Redis) -> None:
    assert await inspector.purge("default", emptying.PURGEABLE) == 12

    assert await counts(inspector) == {"active": 2}
    of = QueueKeys("default")
    assert server.zcard(of.incomplete) == 2
    assert not server.exists(of.expiry, of.queued, of.retrying)


async def test_running_jobs_cannot_be_purged(inspector: Inspector, filled: None) -> None:
    with pytest.raises(UsageError, match="running jobs cannot be purged"):
        await inspector.purge("default", {JobState.ACTIVE})


async def test_it_is_noted_and_told_in_batches(
    inspector: Inspector, shelf: Any, broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emptying, "BATCH", 10)
    for _ in range(25):
        shelf.queued()
    told: list[int] = []

    await inspector.purge("default", {JobState.QUEUED}, tell=told.append)

    assert told == [10, 20, 25]
    (entry,) = await audit.read(broker)
    assert (entry.action, entry.target, entry.count) == ("queue.purge", "default", 25)
    assert entry.detail == {"states": "queued"}


async def test_what_comes_meanwhile_is_left(inspector: Inspector, shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emptying, "BATCH", 2)
    for _ in range(4):
        shelf.queued()

    assert await inspector.purge("default", {JobState.QUEUED}, tell=lambda _: shelf.queued()) == 4

    assert await counts(inspector) == {"queued": 2}


async def test_interrupted_purge_is_noted(inspector: Inspector, shelf: Any, broker: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(emptying, "BATCH", 1)
    for _ in range(3):
        shelf.queued()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await emptying.purge(broker, "default", {JobState.QUEUED}, tell=interrupt)

    assert [entry.count for entry in await audit.read(broker)] == [1]
    assert await counts(inspector) == {"queued": 2}


async def test_unique_lock_of_a_purged_job_is_free(inspector: Inspector, shelf: Any, server: redis_py.Redis) -> None:
    lock = keys.unique_lock("mail:send", "x")
    job = shelf.queued(meta={"jobctl": {"unique": lock}})
    server.set(lock, job)

    await inspector.purge("default", {JobState.QUEUED})

    assert not server.exists(lock)


async def test_entry_without_a_record_goes_too(inspector: Inspector, shelf: Any, server: redis_py.Redis) -> None:
    server.delete(shelf.queued())

    assert await inspector.purge("default", {JobState.QUEUED}) == 1

    assert not server.llen(QueueKeys("default").queued)


def report(server: redis_py.Redis, **facts: Any) -> None:
    body = {"id": "w1", "queues": {"default": 1}} | facts
    server.set(keys.worker("w1"), json.dumps(body))
    server.zadd(keys.WORKERS, {"w1": time.time() * 1000 + 20_000})


async def test_drain_returns_when_nothing_is_queued_or_active(
    inspector: Inspector, shelf: Any, server: redis_py.Redis, monkeypatch: Any
) -> None:
    monkeypatch.setattr(emptying, "LOOK_S", 0.01)
    report(server)
    job = shelf.queued()
    shelf.scheduled()
    looked = asyncio.Event()
    draining = asyncio.ensure_future(inspector.drain("default", timeout_s=10, tell=lambda _: looked.set()))
    await asyncio.wait_for(looked.wait(), 10)

    server.lrem(QueueKeys("default").queued, 1, job)
    drained = await draining

    assert (drained.is_empty, drained.left, drained.later) == (True, 0, 1)


async def test_drain_gives_up_in_time(inspector: Inspector, shelf: Any, server: redis_py.Redis) -> None:
    report(server)
    shelf.queued()

    drained = await inspector.drain("default", timeout_s=0)

    assert (drained.is_empty, drained.left) == (False, 1)


async def test_drain_does_not_wait_for_what_nobody_starts(
    inspector: Inspector, shelf: Any, server: redis_py.Redis
) -> None:
    shelf.queued()
    with pytest.raises(JobStateError, match="no worker claims jobs of queue `default`"):
        await inspector.drain("default")

    report(server, state="quiet")
    with pytest.raises(JobStateError) as quiet:
        await inspector.drain("default")
    assert quiet.value.hint == "`jobctl workers resume --all`: some are quiet"

    await inspector.pause("default")
    with pytest.raises(JobStateError, match="is paused"):
        await inspector.drain("default")
