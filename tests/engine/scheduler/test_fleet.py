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
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.engine.scheduler._plans import START_MS, Stepped, plan_of, schedule, stepped

from jobctl.broker import keys
from jobctl.clock import utc
from jobctl.scheduler.backfill import ticks_between
from jobctl.spec.model import CatchUp

LOW = keys.QueueKeys("low")
MONTH_MS = 31 * 86_400_000
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
)


@pytest.mark.parametrize("seed", [1] if REAL_S < 60 else [1, 2, 3, 4])
async def test_every_tick_of_a_simulated_month_once(redis, seed: int) -> None:
    chance = random.Random(seed)
    plan = plan_of(*SCHEDULES)
    clock = {"now": START_MS}
    fleet: list[Stepped | None] = [await stepped(redis, plan) for _ in range(5)]
    for one in fleet:
        assert one is not None
        one.clock = clock
    stored: Counter[tuple[str, datetime]] = Counter()
    kills = 0

    while clock["now"] < START_MS + MONTH_MS:
        clock["now"] = min(clock["now"] + chance.randrange(1, 3_000_000), START_MS + MONTH_MS)
        awake = [one for one in fleet if one is not None and chance.random() < 0.6]  # the others stand still
        work = [asyncio.ensure_future(one.tick()) for one in awake]
        if work and chance.random() < 0.3:
            # killed somewhere between its calls; what it stored is seen in the broker alone
            await asyncio.sleep(0)
            fleet[fleet.index(awake[-1])] = None
            work.pop().cancel()
            kills += 1
        for found in await asyncio.gather(*work):
            stored.update(found)
        for place, one in enumerate(fleet):
            if one is None and chance.random() < 0.5:
                fleet[place] = Stepped(plan, redis, clock)
                await fleet[place].begin()  # type: ignore[union-attr]
    final = Stepped(plan, redis, clock)
    await final.begin()
    await final.tick()

    expected = {
        keys.job_id("low", f"cron:{one.id}:{int(tick.timestamp())}")
        for one in SCHEDULES
        for tick in ticks_between(one, utc(START_MS / 1000 + 0.5), utc((START_MS + MONTH_MS) / 1000 + 0.5))
    }
    queued = Counter(job.decode() for job in await redis.lrange(LOW.queued, 0, -1))
    assert kills > 50
    assert set(queued.values()) == set(stored.values()) == {1}
    assert set(queued) == expected
    print(f"\n{len(expected)} ticks, {kills} kills, {sum(queued.values()) - len(queued)} twice, 0 left out")


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
