"""Whatever a handler raises, or a foreign record says: the job ends, and its slot and its lease are free."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any, NoReturn

import pytest

from jobctl import Cancel, Context, Dead, RetryAfter
from jobctl.broker import keys
from jobctl.broker.sweep import Sweep
from jobctl.broker.upkeep import Upkeep
from jobctl.spec.model import Backoff
from jobctl.worker.isolation.child import _failed
from jobctl.worker.isolation.messages import encode_answer
from jobctl.worker.keeper import LeaseKeeper

NAME = b"caf\xe9.txt".decode(errors="surrogateescape")  # of a file, as Python reads one that is no UTF-8
INFINITE = float("inf")
LATER = Backoff(delay_s=60.0, factor=1.0, max_s=60.0, jitter=0.0)


class Silent(Dead):
    def __str__(self) -> str:
        raise KeyError("text")


class Busy(RetryAfter):
    def __init__(self) -> None:
        Exception.__init__(self, "busy")


@dataclass
class Unreadable:
    text: str

    def __getattribute__(self, name: str) -> Any:
        raise OSError("the connection it reads from is closed")


def raising(make: Callable[[], BaseException]) -> Callable[[], NoReturn]:
    def end() -> NoReturn:
        raise make()

    return end


ENDS: list[tuple[str, Callable[[], Any]]] = [
    ("queued", raising(lambda: FileNotFoundError(2, "No such file", NAME))),
    ("queued", raising(lambda: RetryAfter("90d", NAME))),
    ("failed", raising(lambda: Dead(NAME))),
    ("aborted", raising(lambda: Cancel(NAME))),
    ("failed", raising(Silent)),
    ("queued", raising(Busy)),
    ("queued", raising(lambda: RetryAfter(INFINITE))),
    ("queued", raising(lambda: RetryAfter(float("nan")))),
    ("queued", raising(lambda: RetryAfter(1e300))),
    ("queued", raising(lambda: RetryAfter(timedelta.max))),
    ("queued", raising(lambda: BaseExceptionGroup("both", [KeyboardInterrupt(), GeneratorExit()]))),
    ("failed", lambda: Unreadable("x")),
    ("failed", lambda: NAME),
]


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "plain"])
async def test_every_end_is_told_and_frees_slot_and_lease(shop, is_async: bool) -> None:
    def odd(ctx: Context, n: int) -> Any:
        return ENDS[n][1]()

    async def odd_too(ctx: Context, n: int) -> Any:
        return odd(ctx, n)

    shop.job(odd_too if is_async else odd, name="odd", backoff=LATER)
    ended = await shop.enqueue_many([("odd", {"n": n}, {}) for n in range(len(ENDS))])

    worker = shop.start(concurrency=2)

    async def found() -> list[str]:
        records = [await shop.record(key) for key in ended]
        return [record["status"] if record.get("attempts") else "" for record in records]

    await shop.eventually(lambda: _are(found, [status for status, _ in ENDS]))
    await shop.eventually(lambda: worker.condition.leases == worker.condition.busy == 0)
    assert "caf\\udce9.txt" in (await shop.record(ended[0]))["error"]
    assert (await shop.record(ended[1]))["scheduled"] - time.time() > 89 * 86_400
    due_ms = await shop.redis.zscore(keys.QueueKeys("default").retrying, keys.job_id("default", ended[1]))
    assert due_ms / 1000 - time.time() > 89 * 86_400


async def _are(found: Callable[[], Awaitable[list[str]]], wanted: list[str]) -> bool:
    return await found() == wanted


FOREIGN: dict[str, dict[str, Any]] = {
    "kept too long": {"ttl": 10**16},
    "kept for ages": {"ttl": 10**30},
    "kept for less than nothing": {"ttl": -(10**30)},
    "due before time": {"scheduled": -1e306},
    "due never": {"scheduled": float("nan")},
    "late": {"timeout": INFINITE, "heartbeat": 1e300},
    "lock of another kind": {"meta": {"jobctl": {"unique": "jobctl:a-list"}}},
    "lock that cannot be": {"meta": {"jobctl": {"unique": "jobctl:unique:\ud800"}}},
    "half a pair": {"meta": {"a": "\ud800"}},
}


@pytest.mark.parametrize("error", [None, ValueError("once"), Cancel("enough")], ids=["ok", "failed", "cancelled"])
async def test_absurd_values_of_foreign_records_cost_nobody_anything(shop, caplog, error: Exception | None) -> None:
    async def legacy(ctx: Context) -> None:
        if error is not None:
            raise error

    shop.job(legacy, backoff=LATER)
    await shop.redis.rpush("jobctl:a-list", "x")
    for key, fields in FOREIGN.items():
        await store(shop, key, json.dumps(record_of(key, **fields)))
    fine = await shop.enqueue("legacy")

    worker = shop.start(concurrency=len(FOREIGN) + 1)  # they end in one turn: what one is must not touch the others

    status = {None: "complete", ValueError: "queued", Cancel: "aborted"}[error and type(error)]
    kept = [key for key in FOREIGN if key != "kept for less than nothing" or status == "queued"]
    for key in [fine, *kept]:
        await shop.eventually(lambda key=key: _has_ended(shop, key, status))
    await shop.eventually(lambda: worker.condition.leases == 0)
    assert await shop.index("active") == await shop.index("poison") == []
    assert "refused" not in caplog.text
    assert "cannot be used" not in caplog.text


async def _has_ended(shop: Any, key: str, status: str) -> bool:
    record = await shop.record(key)
    return (record["status"], record.get("attempts")) == (status, 1)


def record_of(key: str, **fields: Any) -> dict[str, Any]:
    return {
        "function": "legacy",
        "key": key,
        "queue": "default",
        "retries": 3,
        "retry_delay": 60,
        "queued": 1,
        **fields,
    }


async def store(shop: Any, key: str, raw: str) -> None:
    of, job_id = keys.QueueKeys("default"), keys.job_id("default", key)
    await shop.redis.set(job_id, raw)
    await shop.redis.zadd(of.incomplete, {job_id: 0})
    await shop.redis.rpush(of.queued, job_id)


async def test_records_nested_too_deep_or_with_names_that_cannot_be_are_moved_aside(shop) -> None:
    async def legacy(ctx: Context) -> None: ...

    shop.job(legacy)
    deep = "[" * 5000 + "]" * 5000
    await store(shop, "deep", json.dumps(record_of("deep"))[:-1] + f', "kwargs": {{"a": {deep}}}}}')
    await store(shop, "name", json.dumps(record_of("name", function="half \ud800")))
    fine = await shop.enqueue("legacy")

    await shop.burst()

    assert (await shop.record(fine))["status"] == "complete"
    assert sorted(await shop.index("poison")) == ["deep", "name"]


async def test_id_that_is_no_text_stops_nobody(shop) -> None:
    async def legacy(ctx: Context) -> None: ...

    shop.job(legacy)
    await shop.redis.set(b"saq:job:default:\xff", json.dumps(record_of("x")))
    await shop.redis.rpush(keys.QueueKeys("default").queued, b"saq:job:default:\xff")
    fine = await shop.enqueue("legacy")

    shop.start()

    await shop.until(fine, "complete")


def test_child_process_can_tell_of_every_error() -> None:
    for error in (FileNotFoundError(2, "No such file", NAME), Dead(NAME), Cancel(NAME), Silent(), Busy()):
        assert encode_answer(_failed(error)), error


@pytest.mark.parametrize("fields", [{"retries": INFINITE, "attempts": 2}, {"ttl": 10**18}, {"ttl": INFINITE}])
@pytest.mark.parametrize("is_stopped", [False, True], ids=["lost", "stopped"])
async def test_upkeep_survives_absurd_values_in_a_lost_job(shop, fields: dict[str, Any], is_stopped: bool) -> None:
    of, job_id = keys.QueueKeys("default"), keys.job_id("default", "a")
    record = record_of("a", status="aborting" if is_stopped else "active", worker_id="w", **fields)
    await shop.redis.set(job_id, json.dumps(record))
    await shop.redis.zadd(of.incomplete, {job_id: 0})
    await shop.redis.rpush(of.active, job_id)
    await shop.redis.zadd(of.leases, {job_id: 1})
    if is_stopped:
        await shop.redis.hset(of.cancels, job_id, "enough")

    await Upkeep(shop.redis, [of]).tick()

    assert await shop.index("cancelled" if is_stopped else "queued") == ["a"]
    assert await shop.index("active") == []


async def test_sweep_survives_an_absurd_retention(shop) -> None:
    of, job_id = keys.QueueKeys("default"), keys.job_id("default", "a")
    record = record_of("a", status="active", worker_id="w", heartbeat=1, touched=1, ttl=10**18, attempts=3)
    await shop.redis.set(job_id, json.dumps(record))
    await shop.redis.zadd(of.incomplete, {job_id: 0})
    await shop.redis.rpush(of.active, job_id)
    sweep = Sweep(shop.redis, of)

    await sweep.run()
    await sweep.run(patience_s=0)

    assert await shop.index("cancelled") == ["a"]


async def test_job_for_which_the_system_has_no_thread_fails_and_frees_its_slot(shop, monkeypatch) -> None:
    start = threading.Thread.start
    refused = []

    def refuse_once(thread: threading.Thread) -> None:
        if thread.name.startswith("jobctl-handler") and not refused:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    def plain(ctx: Context) -> int:
        return ctx.attempt

    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    shop.job(plain)
    key = await shop.enqueue("plain")

    shop.start(concurrency=1)

    record = await shop.until(key, "complete")
    assert refused
    assert record["result"] == 2
    assert "can't start new thread" in record["meta"]["jobctl"]["history"][0]["error"]


async def test_more_reserved_slots_than_one_turn_can_claim_are_filled_by_several(shop, caplog) -> None:
    go, started = asyncio.Event(), 0

    async def long(ctx: Context) -> None:
        nonlocal started
        started += 1
        await go.wait()

    shop.job(long)
    shop.weights = {"default": 1, "low": 1}
    shop.queues = {"default": {"reserved": 4500}}
    for _ in range(5):
        await shop.enqueue_many([("long", {}, {})] * 1000)

    shop.start(concurrency=4600)

    await shop.eventually(lambda: started == 4600)
    go.set()
    await shop.eventually(lambda: started == 5000)
    assert "cannot be used" not in caplog.text


async def test_progress_may_be_any_number(shop) -> None:
    go = asyncio.Event()

    async def long(ctx: Context) -> None:
        ctx.progress(Fraction(1, 4))
        await go.wait()

    shop.job(long)
    await shop.enqueue("long")
    worker = shop.start()

    async def reported() -> bool:
        report = await shop.redis.get(keys.worker(worker.id))
        return report is not None and [run["progress"] for run in json.loads(report)["running"]] == [0.25]

    await shop.eventually(reported)
    go.set()


class Changing(dict[str, tuple[int, str]]):
    """A dict that is written to whenever it is walked through, as by another thread."""

    def items(self) -> Any:
        def walk() -> Any:
            yield from list(super(Changing, self).items())
            raise RuntimeError("dictionary changed size during iteration")

        return walk()


async def test_leases_are_renewed_although_jobs_come_and_go_meanwhile(shop) -> None:
    of, job_id = keys.QueueKeys("default"), keys.job_id("default", "a")
    await shop.redis.hset(of.owners, job_id, "w:1")
    keeper = LeaseKeeper(shop.url, (of,), Changing({job_id: (0, "w:1")}), 60, lambda lost: None)

    keeper.start()

    await shop.eventually(lambda: shop.redis.zscore(of.leases, job_id))
    keeper.end()
    await asyncio.to_thread(keeper.join)
