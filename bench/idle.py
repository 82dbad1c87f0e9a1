"""What an idle worker costs, and how soon it picks a job up: `python -m bench.idle [--jobs N] [--seconds S]`.

Each side's worker runs in a process of its own beside a private server. Jobs are enqueued one by one, at random
moments 10 to 40 ms apart, by a second event loop in a thread; a pick-up is the time from just before the enqueue to the
handler's first line, so it holds the enqueue as well. Then the worker is left alone, and the commands it sends and the
CPU time the process uses are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import saq
import uvloop
from redis import asyncio as aioredis
from redis import exceptions
from saq.queue.redis import RedisQueue

from bench import noop
from bench.jobctl_subject import SPEC
from bench.sample import cpu_s
from bench.saq_subject import noop_job
from jobctl import Client, Context, Worker, load_plan
from jobctl.broker.connect import connect_blocking
from jobctl.compiler.handlers import bind
from jobctl.testing.servers import PrivateServer

SETTLE_S = 1.0  # from the start of a worker until it may be called idle
DRAIN_S = 0.5


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that so large a share (0 to 1) of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Pickups:
    """Sends jobs from a thread and notes how long each took to its handler."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.sent_at: dict[int, float] = {}
        self.taken_s: list[float] = []

    def started(self, number: int) -> None:
        """Note a start. Called by the handler."""
        if number in self.sent_at:
            self.taken_s.append(time.perf_counter() - self.sent_at[number])

    def send_all(self, make: Callable[[], Awaitable[Callable[[int], Awaitable[object]]]]) -> None:
        """Send the jobs; ``make`` connects and gives the enqueue of a side."""

        async def main() -> None:
            enqueue = await make()
            await enqueue(-1)  # the first one connects and loads its script
            for number in range(self.jobs):
                await asyncio.sleep(random.uniform(0.01, 0.04))
                self.sent_at[number] = time.perf_counter()
                await enqueue(number)

        uvloop.run(main())


def count_commands(url: str, seconds: float) -> int:
    """Count the commands that clients send to the server; what scripts call inside it is not in it."""
    count, until = 0, time.monotonic() + seconds
    with connect_blocking(url, socket_timeout=seconds + 1, retry=None) as server, server.monitor() as lines:
        try:
            while time.monotonic() < until:
                count += lines.next_command()["client_type"] != "lua"
        except (TimeoutError, exceptions.TimeoutError):
            pass  # nobody has sent anything
    return count


async def observe(url: str, pickups: Pickups, seconds: float, send: Callable[[], None]) -> dict[str, float]:
    """Watch a worker that runs in this loop: pick-ups first, then its idle costs."""
    await asyncio.sleep(SETTLE_S)
    await asyncio.to_thread(send)
    await asyncio.sleep(DRAIN_S)
    cpu_before_s = cpu_s()
    commands = await asyncio.to_thread(count_commands, url, seconds)
    used_s = cpu_s() - cpu_before_s
    return {
        "p50_ms": percentile(pickups.taken_s, 0.5) * 1000,
        "p99_ms": percentile(pickups.taken_s, 0.99) * 1000,
        "picked_up": float(len(pickups.taken_s)),
        "commands_per_s": commands / seconds,
        "cpu_percent": used_s / seconds * 100,
    }


async def jobctl_side(url: str, jobs: int, seconds: float) -> dict[str, float]:
    """Our worker, three queues; jobs go to all of them in turn."""
    plan, pickups = load_plan(SPEC), Pickups(jobs)
    names = [job.name for job in plan.registrations]

    async def make() -> Callable[[int], Awaitable[object]]:
        client = Client(plan, url)
        await client.__aenter__()
        return lambda number: client.enqueue(names[number % len(names)], {"number": number})

    noop.listener = pickups.started
    worker = Worker.for_plan(plan, bind(plan), url=url, run_scheduler=False)
    running = asyncio.ensure_future(worker.run())
    found = await observe(url, pickups, seconds, lambda: pickups.send_all(make))
    await worker.stop()
    await running
    return found


async def saq_side(url: str, jobs: int, seconds: float) -> dict[str, float]:
    """Stock SAQ, one queue."""
    pickups = Pickups(jobs)

    async def make() -> Callable[[int], Awaitable[object]]:
        queue = RedisQueue(aioredis.from_url(url))
        await queue.connect()
        return lambda number: queue.enqueue(noop_job(number))

    async def handler(_: Context, number: int) -> None:
        pickups.started(number)

    worker: saq.Worker = saq.Worker(RedisQueue(aioredis.from_url(url)), [("noop", handler)], concurrency=10)  # type: ignore[type-arg]
    running = asyncio.ensure_future(worker.start())
    found = await observe(url, pickups, seconds, lambda: pickups.send_all(make))
    await worker.stop()
    await running
    return found


def main() -> int:
    """Measure both sides and print a table; with ``--side``, measure one and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description=__doc__)
    parser.add_argument("--jobs", type=int, default=400, help="pick-ups to measure (default 400)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to watch an idle worker (default 20)")
    parser.add_argument("--side", choices=["jobctl", "saq"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side = jobctl_side if options.side == "jobctl" else saq_side
        print(json.dumps(uvloop.run(side(options.url, options.jobs, options.seconds))))
        return 0
    print(f"{'':12}{'p50 ms':>9}{'p99 ms':>9}{'commands/s':>12}{'CPU %':>8}")
    for name in ("jobctl", "saq"):
        with tempfile.TemporaryDirectory(prefix="jobctl-bench-") as home, PrivateServer(Path(home)) as server:
            command = [sys.executable, "-m", "bench.idle", "--side", name, "--url", server.url]
            command += ["--jobs", str(options.jobs), "--seconds", str(options.seconds)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = json.loads(output.strip().splitlines()[-1])
        print(
            f"{name:12}{found['p50_ms']:9.2f}{found['p99_ms']:9.2f}{found['commands_per_s']:12.1f}"
            f"{found['cpu_percent']:8.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
