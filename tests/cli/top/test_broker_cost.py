"""What the console asks of the broker: a bounded number of commands, whatever the backlog."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

QUEUES, SCHEDULES = 2, 1  # of the tests' spec
OVERVIEW = 7 + 13 * QUEUES + SCHEDULES
BEGUN = QUEUES  # a bucket of ten seconds may begin between two readings
BATCH = 2 + 14 * QUEUES
MOST = {
    "Queues": OVERVIEW,
    "Jobs": OVERVIEW + 2 + BATCH,
    "Workers": OVERVIEW,
    "Schedules": OVERVIEW + 6 + 4 * SCHEDULES,
    "Dead": OVERVIEW + 2 + BATCH,
    "Errors": OVERVIEW,
}


@contextmanager
def monitored(url: str) -> Iterator[list[str]]:
    """Collect the commands of all clients, as the broker's MONITOR tells them."""
    seen: list[str] = []
    client = redis.Redis.from_url(url)
    with client.monitor() as monitor:
        reader = threading.Thread(target=lambda: seen.extend(_until_end(monitor)), daemon=True)
        reader.start()
        yield seen
        with redis.Redis.from_url(url) as other:
            other.echo("that is all")
        reader.join(10)
    client.close()


def _until_end(monitor: redis.client.Monitor) -> Iterator[str]:
    while True:
        command = str(monitor.next_command()["command"])
        if command.startswith("ECHO"):
            return
        yield command


def fill(jobctl, jobs: int) -> None:
    lines = [json.dumps({"job": "boom", "payload": {"id": number}}) for number in range(jobs)]
    assert jobctl("enqueue", "--file", "-", stdin="\n".join(lines)).exit_code == 0


@pytest.mark.parametrize("tab", MOST)
async def test_a_reading_costs_the_same_whatever_the_backlog(jobctl, console, redis_url: str, tab: str) -> None:
    costs = []
    async with console(interval_s=3600, tab=tab) as top:
        for backlog in (30, 3_000):
            await asyncio.to_thread(fill, jobctl, backlog)
            read_at = top.app.feed.overview.at_ms
            with monitored(redis_url) as seen:
                await top.press("f5")
                await top.until(
                    lambda at=read_at: top.app.feed.overview.at_ms > at and not top.app.is_reading, "a reading"
                )
            costs.append(len([command for command in seen if not command.startswith("PING")]))

    assert max(costs) <= MOST[tab] + BEGUN, costs
    assert abs(costs[1] - costs[0]) <= 2 * BEGUN + 1  # the head of a queue is read where there is one
