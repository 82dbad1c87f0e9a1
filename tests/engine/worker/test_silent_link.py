"""A link that carries nothing and tells nobody: connections stay open, so only time can show it (hazard B5)."""

from __future__ import annotations

import asyncio
import time

import pytest

from jobctl import Context
from jobctl.broker import connect
from jobctl.testing.proxy import Proxy

AWAY = "the broker cannot be used; trying again"


@pytest.mark.parametrize("idle", [True, False], ids=["idle worker", "busy worker"])
async def test_silent_link_is_noticed_and_nothing_is_lost(
    shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, idle: bool
) -> None:
    runs: list[int] = []

    async def work(ctx: Context, i: int) -> None:
        runs.append(i)
        await asyncio.sleep(0.01)

    monkeypatch.setattr(connect, "ANSWER_TIMEOUT_S", 0.3)  # 10 s in life
    shop.job(work)
    with Proxy(shop.url) as proxy:
        shop.url = proxy.url
        shop.start(concurrency=2)
        first = await shop.enqueue("work", {"i": 0})
        await shop.until(first, "complete")

        if idle:
            proxy.silence()
            found = await shop.enqueue_many([("work", {"i": i}, {}) for i in range(1, 6)])
        else:
            found = await shop.enqueue_many([("work", {"i": i}, {}) for i in range(1, 60)])
            await shop.eventually(lambda: len(runs) > 10)
            proxy.silence()
        silent_at = time.monotonic()
        await shop.eventually(lambda: AWAY in caplog.messages)
        noticed_s = time.monotonic() - silent_at
        proxy.restore()
        records = [await shop.until(key, "complete") for key in found]

        assert noticed_s < 10
        assert {record["attempts"] for record in records} == {1}
        assert sorted(runs) == list(range(len(found) + 1)), "each once: what was not answered was handed back"
        await shop.close()
