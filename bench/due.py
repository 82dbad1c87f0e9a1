"""How late due jobs start, and what very many at once do: `python -m bench.due [--seconds S] [--jobs N]`.

The lateness of ticks, delayed jobs and retries is measured in an idle worker, from the due time to the handler's first
line. Then so many jobs are stored for one and the same second, for workers whose slots are taken, and for one that runs
them; meanwhile the server is pinged, to see whether it stalls.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench.due_jobs import late_s
from bench.idle import SETTLE_S, percentile
from jobctl import BlockingClient, Client, NewJob, Worker, load_plan
from jobctl.broker import keys
from jobctl.broker.connect import connect_blocking
from jobctl.compiler.handlers import bind
from jobctl.testing.servers import PrivateServer

SPEC = Path(__file__).with_name("due.yaml")
BOUNDS_MS = (2, 5, 10, 20, 100)
DEFAULT = keys.QueueKeys("default")
JOBS_PER_S = 50_000  # so many can be stored in a second, on a slow machine fewer
TOO_LONG_S = 300.0


async def measure_lateness(url: str, seconds: float) -> None:
    """Run a worker in this loop, with a delayed job and one that fails every quarter of a second."""
    plan = load_plan(SPEC)
    worker = Worker.for_plan(plan, bind(plan), url=url)
    running = asyncio.ensure_future(worker.run())
    await asyncio.sleep(SETTLE_S)
    async with Client(plan, url) as client:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            due_ms = round(time.time() * 1000 + random.uniform(300, 1_500))
            await client.enqueue("later", {"due_ms": due_ms}, at=datetime.fromtimestamp(due_ms / 1000, UTC))
            await client.enqueue("again")
            await asyncio.sleep(0.25)
    await asyncio.sleep(2)  # the longest delay, and the last retry
    await worker.stop()
    await running


def print_lateness() -> None:
    """Print what the handlers have noted."""
    bounds = "".join(f"{f'< {bound} ms':>10}" for bound in BOUNDS_MS)
    print(f"{'late':10}{'jobs':>6}{'median':>10}{'99 %':>10}{'worst':>10}{bounds}{'more':>7}")
    for kind, found in sorted(late_s.items()):
        ms = [1000 * late for late in found]
        counts = [
            sum(low <= late < high for late in ms) for low, high in zip((-1e9, *BOUNDS_MS), BOUNDS_MS, strict=False)
        ]
        figures = "".join(f"{figure:7.1f} ms" for figure in (percentile(ms, 0.5), percentile(ms, 0.99), max(ms)))
        print(f"{kind:10}{len(ms):6}{figures}{''.join(f'{n:10}' for n in counts)}{len(ms) - sum(counts):7}")


@contextmanager
def workers(url: str, count: int, concurrency: int) -> Iterator[None]:
    """Workers in processes of their own."""
    command = [sys.executable, "-m", "bench.due", "--work", url, "--concurrency", str(concurrency)]
    started = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


def measure_burst(url: str, jobs: int, count: int, concurrency: int, *, are_held: bool) -> None:
    """Print how long it takes until all jobs of one second are queued, or run, and how long a ping takes meanwhile."""
    plan = load_plan(SPEC)
    done = "queued" if are_held else "run"
    with connect_blocking(url) as server, BlockingClient(plan, url) as client, workers(url, count, concurrency):
        if are_held:
            client.enqueue_many([NewJob("hold")] * (count * concurrency))
            until = time.monotonic() + TOO_LONG_S
            while server.llen(DEFAULT.active) < count * concurrency and time.monotonic() < until:
                time.sleep(0.05)
        else:
            time.sleep(SETTLE_S)
        due_ms = round(time.time() * 1000 + 3_000 + jobs / JOBS_PER_S * 1000)
        at = datetime.fromtimestamp(due_ms / 1000, UTC)
        client.enqueue_many([NewJob("later", {"due_ms": due_ms}, at=at)] * jobs)
        time.sleep(max(due_ms / 1000 - time.time(), 0))
        pings_s = []
        until = time.monotonic() + TOO_LONG_S
        while time.monotonic() < until:
            began = time.perf_counter()
            server.ping()
            pings_s.append(time.perf_counter() - began)
            left = jobs - server.llen(DEFAULT.queued) if are_held else server.zcard(DEFAULT.incomplete)
            if not left:
                break
            time.sleep(0.002)
        taken_s = time.time() - due_ms / 1000
    slots = f"{concurrency} slots each, all taken" if are_held else f"{concurrency} slots"
    pings = f"99 % {percentile(pings_s, 0.99) * 1000:.0f} ms, worst {max(pings_s) * 1000:.0f} ms"
    print(f"{jobs:,} due at once, {count} workers, {slots}: {done} after {taken_s:.1f} s; a ping: {pings}")


@contextmanager
def private_url() -> Iterator[str]:
    """A server for one measurement."""
    with tempfile.TemporaryDirectory(prefix="jobctl-bench-") as home, PrivateServer(Path(home)) as server:
        yield server.url


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.due", description=__doc__)
    parser.add_argument("--seconds", type=float, default=45.0, help="how long to watch an idle worker (default 45)")
    parser.add_argument("--jobs", type=int, default=100_000, help="jobs of one second (default 100000)")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--concurrency", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.disable()  # of jobs that fail as they should
    if options.work:
        plan = load_plan(SPEC)
        worker = Worker.for_plan(
            plan, bind(plan), url=options.work, concurrency=options.concurrency, run_scheduler=False
        )
        uvloop.run(worker.run())
        return 0
    with private_url() as url:
        uvloop.run(measure_lateness(url, options.seconds))
    print_lateness()
    for count, concurrency, are_held in ((1, 1, True), (3, 1, True), (1, 100, False)):
        with private_url() as url:
            measure_burst(url, options.jobs, count, concurrency, are_held=are_held)
    return 0


if __name__ == "__main__":
    sys.exit(main())
