"""Counts and percentiles over days, from the counters that workers flush."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import redis as redis_py
from redis.asyncio import Redis

from jobctl.broker.keys import QueueKeys
from jobctl.inspector import Inspector
from jobctl.inspector.stats import read_days, read_windows, sum_stats
from jobctl.worker.report import Reporter
from jobctl.worker.tally import Tally

NOON_MS = 1_700_049_600_000  # 2023-11-15 12:00 UTC
DAY_MS = 86_400_000


async def flush(broker: Redis, at_ms: int, *runs: tuple[str, int, int, str]) -> None:
    """Let a worker have counted runs: (type, wait ms, run ms, outcome)."""
    tally = Tally()
    for kind, wait_ms, run_ms, outcome in runs:
        tally.started("default", kind, wait_ms)
        tally.ended("default", kind, outcome, run_ms, wait_ms + run_ms)
    await Reporter(broker, "w1", {}).flush(tally, at_ms, lambda _: True)


async def test_today_and_the_days_before_are_told_apart(broker: Redis) -> None:
    await flush(broker, NOON_MS, ("mail", 1, 10, "complete"), ("mail", 1, 10, "dead"))
    await flush(broker, NOON_MS - DAY_MS, ("mail", 1, 10, "complete"))
    await flush(broker, NOON_MS - 13 * DAY_MS, ("mail", 1, 10, "complete"))
    await flush(broker, NOON_MS - 14 * DAY_MS, ("mail", 1, 10, "complete"))

    today, days = await read_windows(broker, ["default"], NOON_MS)

    assert [dict(row.counts) for row in today.rows] == [{"complete": 1, "dead": 1}]
    assert [dict(row.counts) for row in days.rows] == [{"complete": 3, "dead": 1}]
    assert (today.elapsed_s, days.elapsed_s, days.first) == (43_200, 43_200 + 13 * 86_400, date(2023, 11, 2))


async def test_percentiles_of_several_workers_are_of_all_their_jobs(broker: Redis) -> None:
    await flush(broker, NOON_MS, *(("mail", 5, 10, "complete") for _ in range(90)))
    await flush(broker, NOON_MS, *(("mail", 2_000, 60_000, "complete") for _ in range(10)))

    (row,) = (await read_windows(broker, ["default"], NOON_MS))[0].rows

    assert [row.wait.percentile(p) for p in (50, 95)] == pytest.approx([5, 2_000], rel=0.02)
    assert [row.run.percentile(p) for p in (50, 90, 99)] == pytest.approx([10, 10, 60_000], rel=0.02)
    assert row.total.percentile(99) == pytest.approx(62_000, rel=0.02)
    assert row.wait.count == row.run.count == row.total.count == 100


async def test_failures_are_retries_deaths_and_losses(broker: Redis) -> None:
    ended = ("complete", "complete", "retry", "dead", "cancelled", "interrupted")
    await flush(broker, NOON_MS, *(("mail", 0, 1, outcome) for outcome in ended))

    (row,) = (await read_windows(broker, ["default"], NOON_MS))[0].rows

    assert row.failed == 2
    assert row.failure_ratio == 0.5


async def test_types_may_hold_bars_and_are_summed_by_queue(broker: Redis) -> None:
    await flush(broker, NOON_MS, ("a|b", 1, 1, "complete"), ("c", 3, 3, "retry"))

    rows = (await read_windows(broker, ["default"], NOON_MS))[0].rows

    assert [row.type for row in rows] == ["a|b", "c"]
    total = sum_stats(rows, queue="default")
    assert (total.complete, total.failed, total.run.count) == (1, 1, 2)


async def test_inspector_asks_once_a_day_and_for_now(
    inspector: Inspector, broker: Redis, server: redis_py.Redis
) -> None:
    now_ms = int(server.time()[0]) * 1000
    await flush(broker, now_ms, ("mail:send", 1, 10, "complete"))

    stats = await inspector.stats(days=2)

    assert stats.now["default"].complete == 1
    assert stats.today.first == datetime.fromtimestamp(now_ms / 1000, UTC).date()
    assert stats.days.first == stats.today.first - timedelta(days=1)
    assert server.exists(QueueKeys("default").day(f"{stats.today.first:%Y%m%d}"))


async def test_days_are_read_one_by_one(broker: Redis) -> None:
    await flush(broker, NOON_MS, ("mail:send", 1, 5, "complete"))
    await flush(broker, NOON_MS - DAY_MS, ("mail:send", 1, 5, "dead"), ("mail:send", 1, 5, "complete"))

    days = await read_days(broker, ["default"], NOON_MS, days=3)

    assert [day.first for day in days] == [date(2023, 11, 13), date(2023, 11, 14), date(2023, 11, 15)]
    assert [sum(row.complete + row.failed for row in day.rows) for day in days] == [0, 2, 1]
    assert [day.elapsed_s for day in days] == [86_400, 86_400, 43_200]
