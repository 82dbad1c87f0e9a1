"""Five schedulers on one broker, started, paused and killed at random: every tick exactly once.

`JOBCTL_FLEET_S=600 pytest tests/engine/scheduler/test_fleet.py` runs the real one for ten minutes instead of seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.engine.scheduler._plans import START_MS, Stepped, plan_of, schedule, stepped

from jobctl.broker import keys
from jobctl.clock import utc
from jobctl.scheduler.backfill import backfill, ticks_between
from jobctl.spec.model import CatchUp

LOW = keys.QueueKeys("low")
DAY_MS = 86_400_000
MONTH_MS = 31 * DAY_MS
REAL_S = float(os.environ.get("JOBCTL_FLEET_S", "8"))
ALL = CatchUp.ALL
SCHEDULES = (
    schedule("quarter", "*/15 * * * *", catch_up=ALL),
    schedule("hourly", "@hourly", catch_up=ALL),
    schedule("often", "@every 7m", catch_up=ALL),
    schedule("nightly", "30 2 * * *", catch_up=ALL, timezone="Europe/Berlin"),
    schedule("weekdays", "0 9-17 * * mon-fri", catch_up=ALL, timezone="America/New_York"),
    schedule("last", "0 0 L * *", catch_up=ALL),
    schedule("fridays", "15 30 12 * * fri#2", catch_up=ALL),
    schedule("spread", "20 */2 * * *", catch_up=ALL, jitter_s=600.0),
    schedule("bounded", "@every 90m", catch_up=ALL, start_ms=START_MS + 7 * DAY_MS, end_ms=START_MS + 21 * DAY_MS),
)
RENAMED = schedule("hourly/renamed", "@hourly", job="hourly", type="hourly", catch_up=ALL)


async def run_all(redis: Any) -> list[tuple[str, int]]:
    """Let all queued jobs end and leave nothing behind; return ``(schedule, second)`` of each."""
    jobs = await redis.lrange(LOW.queued, 0, -1)
    if jobs:
        await redis.delete(LOW.queued, *jobs)
        await redis.zrem(LOW.incomplete, *jobs)
    parts = [job.decode().removeprefix("saq:job:low:cron:").rpartition(":") for job in jobs]
    return [(name.removesuffix("/renamed"), int(second)) for name, _, second in parts]


@pytest.mark.parametrize("seed", [1] if REAL_S < 60 else [1, 2, 3, 4])
async def test_every_tick_of_a_simulated_month_once(redis, seed: int) -> None:
    """Among kills, pauses, a rename that is rolled out over ten days, and backfills of what may have run already."""
    chance = random.Random(seed)
    old, new = plan_of(*SCHEDULES), plan_of(*(RENAMED if one.id == "hourly" else one for one in SCHEDULES))
    clock = {"now": START_MS}
    fleet: list[Stepped | None] = [await stepped(redis, old) for _ in range(5)]
    for one in fleet:
        assert one is not None
        one.clock = clock
    ran: Counter[tuple[str, int]] = Counter()
    kills = fills = 0

    while clock["now"] < START_MS + MONTH_MS:
        clock["now"] = min(clock["now"] + chance.randrange(1, 3_000_000), START_MS + MONTH_MS)
        rolled_out = min(max((clock["now"] - START_MS) / DAY_MS - 10, 0) / 10, 1)
        awake = [one for one in fleet if one is not None and chance.random() < 0.6]  # the others stand still
        work: list[asyncio.Future[Any]] = [asyncio.ensure_future(one.tick()) for one in awake]
        if work and chance.random() < 0.3:
            # killed somewhere between its calls; what it stored is seen in the broker alone
            await asyncio.sleep(0)
            fleet[fleet.index(awake[-1])] = None
            work.pop().cancel()
            kills += 1
        if chance.random() < 0.1:
            plan = new if await redis.exists(keys.schedule(RENAMED.id)) else old
            filled = chance.choice(plan.schedules)
            until = utc(clock["now"] / 1000)
            ticks = ticks_between(filled, max(until - timedelta(hours=12), utc(START_MS / 1000 + 0.5)), until)
            work.append(asyncio.ensure_future(backfill(redis, plan, filled, ticks)))
            fills += 1
        await asyncio.gather(*work)
        ran.update(await run_all(redis))
        for place, one in enumerate(fleet):
            if one is None and chance.random() < 0.5:
                fleet[place] = Stepped(new if chance.random() < rolled_out else old, redis, clock)
                await fleet[place].begin()  # type: ignore[union-attr]
    final = Stepped(new, redis, clock)
    await final.begin()
    await final.tick()
    ran.update(await run_all(redis))

    expected = {
        (one.id, int(tick.timestamp()))
        for one in SCHEDULES
        for tick in ticks_between(one, utc(START_MS / 1000 + 0.5), utc((START_MS + MONTH_MS) / 1000 + 0.5))
    }
    assert kills > 50
    assert {tick: times for tick, times in ran.items() if times != 1} == {}
    assert set(ran) == expected
    print(f"\n{len(expected)} ticks, {kills} kills, {fills} backfills, {ran.total() - len(ran)} twice, 0 left out")


FLEET_MEMBER = """
import asyncio, sys
from jobctl.broker.connect import connect
from jobctl.scheduler.ticker import Scheduler
from jobctl.spec.model import CatchUp
from tests.engine.scheduler._plans import plan_of
async def main():
    async with connect(sys.argv[1]) as redis:
        await Scheduler(plan_of(("second", "@every 1s"), ("six", "* * * * * *"), catch_up=CatchUp.ALL), redis).run()
asyncio.run(main())
"""


@pytest.mark.slow
def test_every_second_of_real_time_once_with_real_kills(redis_url: str, server: Any) -> None:
    chance = random.Random(0)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", FLEET_MEMBER, redis_url], cwd=Path(__file__).parents[3])

    fleet = [start() for _ in range(3 if REAL_S < 60 else 5)]
    deadline = time.monotonic() + 20
    while server.llen(LOW.queued) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    kills = stops = 0
    try:
        until = time.monotonic() + REAL_S
        while time.monotonic() < until:
            time.sleep(chance.uniform(0.3, 1.5))
            victim = chance.randrange(len(fleet))
            if chance.random() < 0.5:
                fleet[victim].kill()
                fleet[victim].wait()
                fleet[victim] = start()
                kills += 1
            else:
                fleet[victim].send_signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0.2, 2.0))
                fleet[victim].send_signal(signal.SIGCONT)
                stops += 1
    finally:
        for one in fleet:
            one.kill()
            one.wait()

    jobs = [job.decode().removeprefix("saq:job:low:cron:").partition(":") for job in server.lrange(LOW.queued, 0, -1)]
    late = sorted(
        run["at_ms"] - run["tick_ms"]
        for name in ("second", "six")
        for run in map(json.loads, server.hvals(keys.schedule_runs(name)))
    )
    for name in ("second", "six"):
        ticks = sorted(int(second) for schedule_id, _, second in jobs if schedule_id == name)
        assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))  # each once, none left out
        assert len(ticks) >= REAL_S - 3
    print(
        f"\n{len(jobs)} ticks, {kills} kills, {stops} stops; late by ms: median {late[len(late) // 2]}, max {late[-1]}"
    )
