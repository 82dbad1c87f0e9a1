"""Does a worker's speed depend on what waits behind it: `python -m bench.backlog [--sizes N ...] [--repeats N]`.

Each measurement fills the three queues with so many jobs and takes the time until all are worked off, on a server and
in a process of its own, over TCP. A backlog of fewer than `LEAST` jobs is filled and worked off several times. The
sizes take turns; the table shows medians, and how each stands to the first size.

It is measured without and with the server's append-only log. To rewrite its log the server forks, and from then on pays
for a fault of the kernel at the first write to each page of memory: what a large backlog costs with the log is that.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench import noop
from bench.jobctl_subject import SPEC, enqueue_many
from bench.sample import Lap
from jobctl import Client, Worker, load_plan
from jobctl.broker.connect import connect_blocking
from jobctl.compiler.handlers import bind
from jobctl.testing.servers import PrivateServer

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LEAST = 30_000  # starts a measurement takes
SLOTS = 100
TIMEOUT_S = 120.0


def await_rewrite(url: str) -> None:
    """Wait until the server has no rewrite of its log under way: that is the cost of the fill, not of the work."""
    with connect_blocking(url) as server:
        while server.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.1)


async def drain(url: str, backlog: int) -> float:
    """Fill the queues and drain them, often enough; return the jobs started per second."""
    plan = load_plan(SPEC)
    rounds, seconds = max(LEAST // backlog, 1), 0.0
    for _ in range(rounds):
        async with Client(plan, url) as client:
            await enqueue_many(client, plan, backlog)
        await_rewrite(url)
        worker = Worker.for_plan(plan, bind(plan), url=url, concurrency=SLOTS, burst=True)
        noop.lap = Lap(backlog, worker.request_stop)
        await worker.run()
        seconds += noop.lap.sample().seconds
    return rounds * (backlog - 1) / seconds


def measure(backlog: int, *, is_logged: bool) -> float:
    """Measure one size in a process and on a server of its own; return jobs per second."""
    with (
        tempfile.TemporaryDirectory(prefix="jobctl-bench-") as home,
        PrivateServer(Path(home), appendonly=is_logged) as server,
    ):
        command = [sys.executable, "-m", "bench.backlog", "--url", server.url, "--sizes", str(backlog)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return float(json.loads(run.stdout))


def main() -> int:
    """Measure and print; with ``--url``, measure one size and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.backlog", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="jobs that wait")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each size (default 3)")
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.url:
        print(json.dumps(uvloop.run(drain(options.url, options.sizes[0]))))
        return 0
    rates: dict[tuple[bool, int], list[float]] = {}
    for repeat in range(options.repeats):
        for is_logged in (False, True):
            for size in options.sizes if repeat % 2 == 0 else reversed(options.sizes):
                rates.setdefault((is_logged, size), []).append(measure(size, is_logged=is_logged))
    for is_logged in (False, True):
        title = "with its append-only log" if is_logged else "without a log"
        print(f"the server {title}\n{'backlog':>10}{'jobs/s':>10}{'(lowest - highest)':>22}{'ratio':>8}")
        first = statistics.median(rates[is_logged, options.sizes[0]])
        for size in options.sizes:
            found = rates[is_logged, size]
            middle = statistics.median(found)
            print(f"{size:10,}{middle:10,.0f}{f'({min(found):,.0f} - {max(found):,.0f})':>22}{middle / first:8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
