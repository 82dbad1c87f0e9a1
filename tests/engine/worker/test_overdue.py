"""Plain functions run in threads, which nothing can stop: one past its timeout keeps its slot, and this is shown."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from jobctl import Context
from jobctl.broker import keys


async def test_thread_past_its_timeout_keeps_its_slot_is_shown_and_fails_when_it_ends(
    shop: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobctl.worker.session.REPORT_PERIOD_S", 0.1)
    release, others = threading.Event(), []

    def slow(ctx: Context) -> None:
        release.wait(20)

    async def other(ctx: Context) -> None:
        others.append(ctx.key)

    shop.job(slow, retries=0, timeout_s=0.2)
    shop.job(other)
    key = await shop.enqueue("slow")
    worker = shop.start(concurrency=1)
    waiting = await shop.enqueue("other")

    async def report() -> Any:
        raw = await shop.redis.get(keys.worker(worker.id))
        running = json.loads(raw)["running"] if raw else []
        return bool(running) and running[0]["overdue"] and running[0]["key"] == key

    await shop.eventually(report)
    assert others == []
    assert "keeps its slot until it ends" in caplog.text
    release.set()

    record = await shop.until(key, "failed")
    assert record["error"] == (
        "timed out after 200ms (a plain function runs in a thread and cannot be stopped; it ended late)"
    )
    await shop.until(waiting, "complete")
