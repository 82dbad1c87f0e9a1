from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from jobctl.broker.keys import FAILURES, WORKERS, QueueKeys, worker
from jobctl.inspector import Inspector
from jobctl.inspector.status import rate_buckets, read_failures, read_workers, sum_rates, waited_ms
from jobctl.records import JobState

if TYPE_CHECKING:
    import redis
    from conftest import Shelf


def now_ms(server: redis.Redis) -> int:
    seconds, micros = server.time()
    return seconds * 1000 + micros // 1000


def report(server: redis.Redis, name: str, *, expires_ms: int | None = None, **fields: Any) -> None:
    server.set(worker(name), json.dumps({"id": name, **fields}))
    server.zadd(WORKERS, {name: now_ms(server) + 20_000 if expires_ms is None else expires_ms})


async def test_queues_of_the_plan_come_in_its_order_and_others_after(inspector: Inspector, shelf: Shelf) -> None:
    shelf.queued("zoo")
    shelf.queued("attic")
    shelf.queued("low")

    queues = await inspector.queues()

    assert [(queue.name, queue.weight, queue.share) for queue in queues] == [
        ("critical", 6, 0.6), ("default", 3, 0.3), ("low", 1, 0.1), ("attic", 0, 0.0), ("zoo", 0, 0.0),
    ]  # fmt: skip


async def test_jobs_are_counted_in_every_state(inspector: Inspector, shelf: Shelf) -> None:
    for put, count in (
        (shelf.active, 1), (shelf.queued, 2), (shelf.retrying, 3), (shelf.scheduled, 4), (shelf.dead, 5),
        (shelf.cancelled, 6), (shelf.complete, 7),
    ):  # fmt: skip
        for _ in range(count):
            put("low")
    shelf.server.hset("jobctl:low:poison", "saq:job:low:x", b"")
    shelf.server.zadd("jobctl:low:replayed", {"saq:job:low:y": 1, "saq:job:low:z": 2})
    shelf.server.set("jobctl:low:paused", 1)

    _, _, low = await inspector.queues()

    assert low.counts == {
        JobState.ACTIVE: 1, JobState.QUEUED: 2, JobState.RETRYING: 3, JobState.SCHEDULED: 4, JobState.DEAD: 5,
        JobState.CANCELLED: 6, JobState.COMPLETE: 7,
    }  # fmt: skip
    assert (low.paused, low.poison, low.replayed) == (True, 1, 2)


async def test_counts_agree_with_listings(inspector: Inspector, shelf: Shelf) -> None:
    from jobctl.inspector import where

    for put in (
        shelf.active,
        shelf.queued,
        shelf.retrying,
        shelf.scheduled,
        shelf.dead,
        shelf.cancelled,
        shelf.complete,
    ):
        put()
    shelf.scheduled(attempts=1)  # a retry that a stock worker has put off

    for queue in await inspector.queues():
        for state, count in queue.counts.items():
            listed = await inspector.jobs(where(queue=queue.name, state=state))
            assert len(listed) == count, (queue.name, state)


async def test_the_oldest_wait_is_that_of_the_head_of_the_queue(inspector: Inspector, shelf: Shelf) -> None:
    now = now_ms(shelf.server)
    shelf.queued("default", queued=now - 90_000)
    shelf.queued("default", queued=now - 5_000)
    shelf.queued("low", queued=now - 90_000, scheduled=now // 1000 - 30)
    shelf.server.set(shelf.queued("critical"), b"garbage")

    waits = {queue.name: queue.oldest_wait_ms for queue in await inspector.queues()}

    assert waits["default"] == pytest.approx(90_000, abs=10_000)
    assert waits["low"] == pytest.approx(30_000, abs=10_000)
    assert waits["critical"] is None


@pytest.mark.parametrize("raw", [None, b"", b"garbage", b'{"function":"f","key":"k","queue":"q"}'])
def test_a_head_that_does_not_say_since_when_has_no_wait(raw: bytes | None) -> None:
    assert waited_ms(raw, 1_000) is None


async def test_rates_are_counts_over_the_window(inspector: Inspector, shelf: Shelf) -> None:
    bucket = now_ms(shelf.server) // 10_000
    counts = {"started": 60, "complete": 40, "failed": 20, "wait_ms": 6_000, "run_ms": 1_200}
    shelf.server.hset(QueueKeys("default").rate(bucket - 1), mapping={name: n // 2 for name, n in counts.items()})
    shelf.server.hset(QueueKeys("default").rate(bucket), mapping={name: n // 2 for name, n in counts.items()})
    shelf.server.hset(QueueKeys("low").rate(bucket), mapping={"started": 20})
    shelf.server.hset(QueueKeys("low").rate(bucket - 90), mapping={"started": 1_000})

    rates = await inspector.rates(60)

    default = rates["default"]
    assert (default.started, default.complete, default.failed) == (60, 40, 20)
    assert 60 / 75 < default.started_per_s <= 1.0
    assert default.complete_per_s == pytest.approx(default.started_per_s * 40 / 60)
    assert (default.wait_ms, default.run_ms) == (100.0, 20.0)
    assert (default.share, rates["low"].share, rates["critical"].share) == (0.75, 0.25, 0.0)
    assert (rates["critical"].wait_ms, rates["critical"].run_ms) == (None, None)


@given(now=st.integers(10**12, 3 * 10**12), window_s=st.integers(-10, 5_000))
def test_the_buckets_cover_the_window_and_little_more(now: int, window_s: int) -> None:
    buckets = rate_buckets(now, window_s)

    covered_s = now / 1000 - buckets.start * 10
    wanted_s = min(max(window_s, 10), 900)
    assert wanted_s - 10 < covered_s < wanted_s + 10
    assert buckets[-1] == now // 10_000


def test_unknown_counters_do_no_harm() -> None:
    rates = sum_rates({"a": [{b"started": b"3", b"\xff": b"1"}]}, 100_000, range(9, 11))

    assert rates["a"].started == 3
    assert rates["a"].share == 1.0


async def test_workers_are_read_with_what_they_run(inspector: Inspector, server: redis.Redis) -> None:
    running = [{"key": "k", "queue": "low", "type": "mail:send", "started_ms": 5, "attempt": 2, "progress": 0.5}]
    report(server, "w2", started_ms=20, state="stopping")
    report(
        server, "w1", started_ms=10, host="h", pid=7, concurrency=10, active=1, running=running, queues={"low": 1},
        starts={"low": 12}, scheduling="strict", fingerprint="f", version="0.1.0", seen_ms=9, something_new=True,
    )  # fmt: skip

    first, second = await inspector.workers()

    assert (first.id, first.host, first.pid, first.concurrency, first.active) == ("w1", "h", 7, 10, 1)
    assert (first.queues, first.starts, first.scheduling) == ({"low": 1}, {"low": 12}, "strict")
    assert [(each.key, each.attempt, each.progress) for each in first.running] == [("k", 2, 0.5)]
    assert (second.id, second.state) == ("w2", "stopping")


async def test_a_worker_that_is_silent_is_gone(inspector: Inspector, server: redis.Redis) -> None:
    report(server, "silent", expires_ms=now_ms(server) - 1)
    report(server, "vanished")
    server.delete(worker("vanished"))
    report(server, "alive")

    assert [each.id for each in await inspector.workers()] == ["alive"]


async def test_failures_come_newest_first(inspector: Inspector, server: redis.Redis) -> None:
    for n in range(5):
        server.lpush(
            FAILURES, json.dumps({"key": f"k{n}", "queue": "low", "type": "t", "outcome": "retry", "error": "no"})
        )

    assert [each.key for each in await inspector.failures(limit=3)] == ["k4", "k3", "k2"]
    assert await inspector.failures(limit=0) == []


@pytest.mark.parametrize("raw", [b"", b"garbage", b"[]", b"{}", b'{"key":5,"id":5}', b"\xff"])
def test_reports_and_failures_that_cannot_be_read_are_left_out(raw: bytes) -> None:
    assert read_failures([raw, b'{"key":"k"}']) == read_failures([b'{"key":"k"}'])
    assert read_workers([raw, None, b'{"id":"w"}']) == read_workers([b'{"id":"w"}'])


async def test_an_overview_takes_three_round_trips_whatever_there_is(
    inspector: Inspector, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(20):
        shelf.queued(f"queue-{n}")
        report(shelf.server, f"w{n}")
    shelf.server.lpush(FAILURES, json.dumps({"key": "k"}))
    trips = _count_trips(monkeypatch)

    overview = await inspector.overview(failures=5)

    assert len(trips) == 3
    assert len(overview.queues) == len(overview.rates) == 23
    assert len(overview.workers) == 20
    assert [each.key for each in overview.failures] == ["k"]
    assert overview.at_ms == pytest.approx(now_ms(shelf.server), abs=60_000)


async def test_an_empty_broker_has_an_overview(inspector: Inspector) -> None:
    overview = await inspector.overview()

    assert [queue.name for queue in overview.queues] == ["critical", "default", "low"]
    assert all(rates.started_per_s == 0 for rates in overview.rates.values())
    assert (overview.workers, overview.failures) == ((), ())


async def test_without_a_plan_and_a_job_there_is_nothing(broker: Redis) -> None:
    overview = await Inspector(broker).overview()

    assert (overview.queues, dict(overview.rates)) == ((), {})


def _count_trips(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Count what is sent and waited for: pipelines, and commands outside of one."""
    from redis.asyncio.client import Pipeline

    trips: list[object] = []
    execute, command = Pipeline.execute, Redis.execute_command

    async def counted(self: Pipeline, *args: object, **options: object) -> object:
        trips.append(self)
        return await execute(self, *args, **options)

    def counted_command(self: Redis, *args: object, **options: object) -> object:
        if not isinstance(self, Pipeline):
            trips.append(args)
        return command(self, *args, **options)

    monkeypatch.setattr(Pipeline, "execute", counted)
    monkeypatch.setattr(Redis, "execute_command", counted_command)
    return trips
