"""What several worker processes bring: `python -m bench.processes [--processes 1 2] [--repeats 3]`.

Each measurement drains a backlog with a whole `jobctl run --processes N` on a server of its own, once with jobs that
do nothing, once with jobs that keep a core busy for a millisecond. The middle 80 % of the backlog are measured. The
cores are what all processes together, without the server, have used: a machine that gives no second core shows it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from bench.jobctl_subject import mixture
from jobctl import Client, NewJob, load_plan
from jobctl.broker.connect import connect_blocking
from jobctl.broker.embedded import embedded_broker
from jobctl.broker.keys import QueueKeys
from jobctl.compiler.plan import Plan

HERE = Path(__file__).parent
CONCURRENCY = 100
PATIENCE_S = 120.0
LOOK_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A backlog: the spec it is made of, and how many jobs keep a process busy for a few seconds."""

    title: str
    spec: Path
    jobs: int


WORKS = (
    Work(title="no-op", spec=HERE / "noop.yaml", jobs=100_000),
    Work(title="1 ms of CPU", spec=HERE / "burn.yaml", jobs=5_000),
)


def measure(work: Work, processes: int) -> tuple[float, float]:
    """Drain a backlog; return jobs per second, and the cores used meanwhile (mean count, start and stop included)."""
    plan = load_plan(work.spec)
    with tempfile.TemporaryDirectory(prefix="jobctl-bench-") as home, embedded_broker(Path(home)) as url:
        asyncio.run(_fill(plan, url, work.jobs))
        with connect_blocking(url) as server:
            names = [QueueKeys(queue.name).queued for queue in plan.queues]

            def left() -> int:
                return sum(int(server.llen(name)) for name in names)

            command = [sys.executable, "-m", "jobctl_cli", "run", "--spec", str(work.spec), "--log-level", "error"]
            command += ["--processes", str(processes), "--concurrency", str(CONCURRENCY)]
            began_s, cpu_began_s = time.monotonic(), _children_s()
            workers = subprocess.Popen(command, env={**os.environ, "REDIS_URL": url})
            try:
                _wait(lambda: left() <= work.jobs * 0.9)
                first_s, first = time.monotonic(), left()
                _wait(lambda: left() <= work.jobs * 0.1)
                last_s, last = time.monotonic(), left()
            finally:
                workers.terminate()
                workers.wait(PATIENCE_S)
            cores = (_children_s() - cpu_began_s) / (time.monotonic() - began_s)
    return (first - last) / (last_s - first_s), cores


async def _fill(plan: Plan, url: str, jobs: int) -> None:
    names = islice(cycle(mixture(plan)), jobs)
    async with Client(plan, url) as client:
        await client.enqueue_many(NewJob(name, {"number": number}) for number, name in enumerate(names))


def _wait(is_reached: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_reached():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"the backlog was not drained in {PATIENCE_S:.0f} s")
        time.sleep(LOOK_S)


def _children_s() -> float:
    """Return the CPU seconds of all ended processes that this one, or one of them, has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    """Measure, the numbers of processes taking turns, and print medians."""
    parser = argparse.ArgumentParser(prog="python -m bench.processes", description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="numbers to compare (default 1 2)")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each (default 3)")
    options = parser.parse_args()
    found: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for _ in range(options.repeats):
        for work in WORKS:
            for processes in options.processes:
                rate_per_s, cores = measure(work, processes)
                found[work.title, processes].append((rate_per_s, cores))
                print(f"{work.title}, {processes}: {rate_per_s:,.0f}/s on {cores:.1f} cores", file=sys.stderr)
    print(f"{'work':<14}{'processes':>10}{'jobs/s':>10}{'cores':>8}{'ratio':>8}")
    for work in WORKS:
        base = median(rate for rate, _ in found[work.title, options.processes[0]])
        for processes in options.processes:
            rate_per_s = median(rate for rate, _ in found[work.title, processes])
            cores = median(cores for _, cores in found[work.title, processes])
            print(f"{work.title:<14}{processes:>10}{rate_per_s:>10,.0f}{cores:>8.1f}{rate_per_s / base:>8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
