"""Does a worker's speed depend on what waits behind it: `python -m bench.backlog [--sizes N ...] [--repeats N]`.

Each measurement fills the three queues with so many jobs and takes the time of the first `MEASURED` starts, on a server
and in a process of its own, over TCP. A backlog of fewer jobs is filled and drained several times: all sizes do the
same work, and write as much to the disk. The sizes take turns; the table shows medians, and their ratios to the first.

It is measured without the server's append-only log, with it, and with the log rewritten when it has doubled, as by
default. To rewrite it the server forks, and from then on pays for a fault of the kernel at the first write to each page
of memory. The three tell what a backlog costs, and what that does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop

from bench import noop
from bench.jobctl_subject import SPEC, enqueue_many
from bench.sample import Lap
from jobctl import Client, Worker, load_plan
from jobctl.broker.connect import connect_blocking
from jobctl.compiler.handlers import bind
from jobctl.testing.servers import PrivateServer

SIZES = (1_000, 10_000, 100_000, 1_000_000)
MEASURED = 30_000  # starts; less than the second of work in which an idle server would still be filling its caches
SLOTS = 100
TIMEOUT_S = 120.0
SERVERS: dict[str, dict[str, Any]] = {
    "without a log": {"appendonly": False},
    "with its append-only log, not rewritten meanwhile": {"auto_aof_rewrite_percentage": "0"},
    "with its append-only log, rewritten when it has doubled": {},
}


def settle(url: str) -> None:
    """Wait until the server has rewritten its log, and the disk has taken it: that is the fill's, not the work's."""
    with connect_blocking(url) as server:
        while True:
            about = server.info("persistence")
            if not about["aof_rewrite_in_progress"] and not about.get("aof_pending_bio_fsync"):
                break
            time.sleep(0.1)
    os.sync()


async def drain(url: str, backlog: int) -> float:
    """Fill the queues and drain them, or the first part of them; return the jobs started per second."""
    plan = load_plan(SPEC)
    jobs, seconds = min(backlog, MEASURED), 0.0
    for _ in range(MEASURED // jobs):
        async with Client(plan, url) as client:
            await enqueue_many(client, plan, backlog)
        settle(url)
        worker = Worker.for_plan(plan, bind(plan), url=url, concurrency=SLOTS, burst=True)
        noop.lap = Lap(jobs, worker.request_stop)
        await worker.run()
        seconds += noop.lap.sample().seconds
    return MEASURED / jobs * (jobs - 1) / seconds


def measure(backlog: int, options: Mapping[str, Any]) -> float:
    """Measure one size in a process and on a server of its own, with these options; return jobs per second."""
    with (
        tempfile.TemporaryDirectory(prefix="jobctl-bench-") as home,
        PrivateServer(Path(home), **options) as server,
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
    rates: dict[tuple[str, int], list[float]] = {}
    for repeat in range(options.repeats):
        for server, how in SERVERS.items():
            for size in options.sizes if repeat % 2 == 0 else reversed(options.sizes):
                rates.setdefault((server, size), []).append(measure(size, how))
    for server in SERVERS:
        print(f"the server {server}\n{'backlog':>10}{'jobs/s':>10}{'(lowest - highest)':>22}{'ratio':>8}")
        first = statistics.median(rates[server, options.sizes[0]])
        for size in options.sizes:
            found = rates[server, size]
            middle = statistics.median(found)
            print(f"{size:10,}{middle:10,.0f}{f'({min(found):,.0f} - {max(found):,.0f})':>22}{middle / first:8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
