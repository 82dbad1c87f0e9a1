"""What becomes of a job, by what its handler does."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from jobctl import Cancel, Context, Dead, RetryAfter
from jobctl.broker import keys
from jobctl.errors import HookError
from jobctl.spec.model import FieldType, PayloadField
from jobctl.worker.hooks import Failure, WorkerHooks


async def test_success_stores_result_and_leaves_only_the_complete_index(shop) -> None:
    async def add(ctx: Context, a: int, b: int) -> dict[str, int]:
        return {"sum": a + b}

    shop.job(add)
    key = await shop.enqueue("add", {"a": 2, "b": 3})

    await shop.burst()

    record = await shop.record(key)
    assert record["status"] == "complete"
    assert record["result"] == {"sum": 5}
    assert record["attempts"] == 1
    assert record["queued"] <= record["started"] <= record["completed"]
    assert await shop.index("complete") == [key]
    for index in ("queued", "active", "incomplete", "leases", "owners", "dead", "retrying"):
        assert await shop.index(index) == [], index


async def test_failure_retries_with_backoff_then_succeeds_and_keeps_history(shop) -> None:
    seen = []

    async def flaky(ctx: Context) -> str:
        seen.append((ctx.attempt, ctx.max_attempts, ctx.is_last_attempt))
        if ctx.attempt < 3:
            raise RuntimeError(f"no luck {ctx.attempt}")
        return "ok"

    shop.job(flaky, retries=2)
    key = await shop.enqueue("flaky")
    shop.start()

    record = await shop.until(key, "complete")

    assert seen == [(1, 3, False), (2, 3, False), (3, 3, True)]
    assert record["attempts"] == 3
    assert record["error"] is None
    history = record["meta"]["jobctl"]["history"]
    assert [(entry["attempt"], entry["outcome"]) for entry in history] == [(1, "retry"), (2, "retry")]
    assert "RuntimeError: no luck 1" in history[0]["error"]


async def test_retries_used_up_make_a_dead_job_that_is_kept(shop) -> None:
    async def broken(ctx: Context) -> None:
        raise ValueError("always")

    shop.job(broken, retries=1)
    key = await shop.enqueue("broken")
    shop.start()

    record = await shop.until(key, "failed")

    assert record["attempts"] == 2
    assert "ValueError: always" in record["error"]
    assert await shop.index("dead") == [key]
    assert await shop.index("incomplete") == []
    assert 3000 < await shop.redis.ttl(keys.job_id("default", key)) <= 3600
    newest = json.loads(await shop.redis.lindex(keys.FAILURES, 0))
    assert (newest["key"], newest["outcome"], newest["error"]) == (key, "dead", "ValueError: always")


async def test_dead_outcome_spends_no_further_retry(shop) -> None:
    async def hopeless(ctx: Context) -> None:
        raise Dead("the tenant does not exist")

    shop.job(hopeless, retries=5)
    key = await shop.enqueue("hopeless")

    await shop.burst()

    record = await shop.record(key)
    assert (record["status"], record["attempts"], record["error"]) == ("failed", 1, "the tenant does not exist")


async def test_cancel_outcome_ends_as_cancelled(shop) -> None:
    async def moot(ctx: Context) -> None:
        raise Cancel("nothing to do")

    shop.job(moot)
    key = await shop.enqueue("moot")

    await shop.burst()

    assert (await shop.record(key))["status"] == "aborted"
    assert await shop.index("cancelled") == [key]


async def test_retry_after_waits_as_long_as_the_handler_asked(shop) -> None:
    async def later(ctx: Context) -> None:
        raise RetryAfter("10m", "rate limited")

    shop.job(later)
    key = await shop.enqueue("later")

    await shop.burst()

    ((job_id, due_s),) = await shop.redis.zrange(keys.QueueKeys("default").incomplete, 0, -1, withscores=True)
    assert job_id.decode().endswith(key)
    assert 590 < due_s - time.time() < 610
    assert await shop.index("retrying") == [key]
    assert (await shop.record(key))["error"] == "rate limited"


async def test_unknown_type_is_dead_with_a_reason_and_the_worker_goes_on(shop) -> None:
    async def known(ctx: Context) -> None: ...

    shop.job(known)
    stranger = await shop.enqueue("known")
    fine = await shop.enqueue("known")
    raw = await shop.redis.get(keys.job_id("default", stranger))
    await shop.redis.set(keys.job_id("default", stranger), raw.replace(b'"function":"known"', b'"function":"knwon"'))

    await shop.burst()

    assert "no handler for type `knwon`" in (await shop.record(stranger))["error"]
    assert "did you mean `known`?" in (await shop.record(stranger))["error"]
    assert (await shop.record(fine))["status"] == "complete"


async def test_invalid_payload_is_dead_with_all_problems_and_is_not_run(shop) -> None:
    ran = []

    async def strict(ctx: Context, a: int, b: int) -> None:
        ran.append(ctx.key)

    shop.job(strict, retries=5)
    key = await shop.enqueue("strict", {"a": "x"})

    await shop.burst()

    record = await shop.record(key)
    assert record["status"] == "failed"
    assert "`a`" in record["error"]
    assert "`b`" in record["error"]
    assert ran == []


async def test_result_that_is_not_json_is_dead_with_a_reason(shop) -> None:
    async def odd(ctx: Context) -> object:
        return object()

    shop.job(odd, retries=5)
    key = await shop.enqueue("odd")

    await shop.burst()

    record = await shop.record(key)
    assert record["status"] == "failed"
    assert "the result is not JSON" in record["error"]


async def test_broken_and_missing_records_are_moved_aside_and_stop_nobody(shop) -> None:
    async def fine(ctx: Context) -> None: ...

    shop.job(fine)
    of = keys.QueueKeys("default")
    for name, raw in (("garbage", b"\x00\xff"), ("list", b"[1]"), ("half", b'{"function": "fine"}'), ("gone", None)):
        job_id = keys.job_id("default", name)
        if raw is not None:
            await shop.redis.set(job_id, raw)
        await shop.redis.zadd(of.incomplete, {job_id: 0})
        await shop.redis.rpush(of.queued, job_id)
    key = await shop.enqueue("fine")

    await shop.burst()

    assert (await shop.record(key))["status"] == "complete"
    assert sorted(await shop.index("poison")) == ["garbage", "gone", "half", "list"]
    assert await shop.index("incomplete") == []
    assert await shop.index("active") == []


async def test_records_of_stock_saq_with_foreign_fields_run(shop) -> None:
    async def legacy(ctx: Context, i: int) -> int:
        return i

    shop.job(legacy)
    of = keys.QueueKeys("default")
    job_id = keys.job_id("default", "old")
    record = {
        "function": "legacy",
        "kwargs": {"i": 7},
        "queue": "default",
        "key": "old",
        "mystery": [1],
        "meta": {"x": 1},
    }
    await shop.redis.set(job_id, json.dumps(record))
    await shop.redis.zadd(of.incomplete, {job_id: 0})
    await shop.redis.rpush(of.queued, job_id)

    await shop.burst()

    stored = await shop.record("old")
    assert (stored["status"], stored["result"], stored["mystery"], stored["meta"]) == ("complete", 7, [1], {"x": 1})


async def test_big_integers_and_empty_lists_survive_a_retry(shop) -> None:
    async def fails(ctx: Context, n: int) -> None:
        raise RuntimeError

    shop.job(fails, retries=1)
    big = 12345678901234567
    key = await shop.enqueue("fails", {"n": big}, meta={"empty": []})
    shop.start()

    record = await shop.until(key, "failed")

    assert record["kwargs"] == {"n": big}
    assert record["meta"]["jobctl"]["empty"] == []


async def test_plain_functions_run_in_threads_beside_each_other(shop) -> None:
    together = threading.Barrier(5, timeout=10)

    def blocking(ctx: Context, i: int) -> str:
        together.wait()
        return threading.current_thread().name

    shop.job(blocking)
    found = [await shop.enqueue("blocking", {"i": i}) for i in range(5)]

    await shop.burst(concurrency=5)

    names = {(await shop.record(key))["result"] for key in found}
    assert len(names) == 5
    assert all(name.startswith("jobctl-handler") for name in names)


async def test_timeout_cancels_an_async_handler_and_is_a_failure(shop) -> None:
    async def slow(ctx: Context) -> None:
        await asyncio.Event().wait()

    shop.job(slow, retries=0, timeout_s=0.05)
    key = await shop.enqueue("slow")

    await shop.burst()

    record = await shop.record(key)
    assert (record["status"], record["error"]) == ("failed", "timed out after 50ms")


async def test_timed_out_thread_keeps_its_slot_until_it_ends_and_is_not_retried_beside_itself(shop) -> None:
    running, overlap, release = 0, [], threading.Event()

    def stuck(ctx: Context) -> None:
        nonlocal running
        running += 1
        overlap.append(running)
        if ctx.attempt == 1:
            release.wait(10)
        running -= 1

    shop.job(stuck, retries=1, timeout_s=0.05)
    key = await shop.enqueue("stuck")
    worker = shop.start()
    await shop.until(key, "active")
    await asyncio.sleep(0.2)  # past the timeout: nothing to wait on, the point is that nothing happens
    release.set()

    record = await shop.until(key, "complete")

    assert worker.exit_code == 0
    assert max(overlap) == 1
    assert "cannot be stopped" in record["meta"]["jobctl"]["history"][0]["error"]


async def test_missed_heartbeat_times_a_job_out_and_a_beating_one_lives(shop) -> None:
    async def silent(ctx: Context) -> None:
        await asyncio.Event().wait()

    async def alive(ctx: Context) -> None:
        for _ in range(8):
            await asyncio.sleep(0.25)
            ctx.heartbeat()

    shop.job(silent, retries=0, heartbeat_s=1.0)
    shop.job(alive, retries=0, heartbeat_s=1.0)
    dead, lives = await shop.enqueue("silent"), await shop.enqueue("alive")

    await shop.burst()

    assert (await shop.record(dead))["error"] == "no heartbeat for 1s"
    assert (await shop.record(lives))["status"] == "complete"


async def test_own_cancellation_and_system_exit_are_failures_of_the_job_alone(shop) -> None:
    async def cancels_itself(ctx: Context) -> None:
        raise asyncio.CancelledError

    async def exits(ctx: Context) -> None:
        raise SystemExit(3)

    async def fine(ctx: Context) -> None: ...

    for function in (cancels_itself, exits, fine):
        shop.job(function, retries=0)
    one, two, three = [await shop.enqueue(name) for name in ("cancels-itself", "exits", "fine")]

    await shop.burst()

    assert "CancelledError" in (await shop.record(one))["error"]
    assert "SystemExit: 3" in (await shop.record(two))["error"]
    assert (await shop.record(three))["status"] == "complete"


async def test_error_hook_hears_every_failure_and_whether_to_alert(shop) -> None:
    heard: list[tuple[str, int, int, str, bool]] = []
    done = asyncio.Event()

    async def on_error(ctx: Context, failure: Failure) -> None:
        heard.append((ctx.type, failure.attempt, failure.max_attempts, failure.outcome, failure.alert))
        if failure.outcome == "dead":
            done.set()

    from jobctl.spec.model import AlertEvent

    async def broken(ctx: Context) -> None:
        raise RuntimeError

    shop.hooks = WorkerHooks(error=on_error)
    shop.job(broken, retries=1, alert=(AlertEvent.DEAD,))
    await shop.enqueue("broken")
    shop.start()

    await asyncio.wait_for(done.wait(), 10)

    assert heard == [("broken", 1, 2, "retry", False), ("broken", 2, 2, "dead", True)]


async def test_startup_hook_fills_the_state_handlers_share_and_shutdown_sees_it(shop) -> None:
    ended: list[Any] = []

    async def startup(state: dict[str, Any]) -> None:
        state["database"] = "open"

    def shutdown(state: dict[str, Any]) -> None:
        ended.append(state["database"])

    async def reads(ctx: Context) -> str:
        return ctx.state["database"]

    shop.hooks = WorkerHooks(startup=startup, shutdown=shutdown)
    shop.job(reads)
    key = await shop.enqueue("reads")

    await shop.burst()

    assert (await shop.record(key))["result"] == "open"
    assert ended == ["open"]


async def test_worker_whose_startup_hook_fails_says_which_and_why(shop) -> None:
    def connect(state: dict[str, Any]) -> None:
        raise ConnectionError("no route to db.internal\nand more")

    shop.hooks = WorkerHooks(startup=connect)
    shop.job(connect, name="any")

    with pytest.raises(HookError, match=r"hook `.*:.*connect` failed: ConnectionError: no route to db.internal$"):
        await shop.burst()


async def test_secret_that_a_handler_quotes_is_not_logged(shop, caplog: pytest.LogCaptureFixture) -> None:
    async def charge(ctx: Context, card: str) -> None:
        raise ValueError(f"card {card} was refused")

    shop.job(charge, retries=0, payload=(PayloadField(name="card", type=FieldType.STRING, secret=True),))
    key = await shop.enqueue("charge", {"card": "4111-0000-1234"})

    await shop.burst()

    assert "4111-0000-1234" in (await shop.record(key))["error"]  # hidden where it is shown
    told = [record.__dict__["error"] for record in caplog.records if record.message in ("job failed", "job dead")]
    assert told == ["ValueError: card *** was refused"]
