"""Does a worker's memory grow? `python -m bench.soak [--minutes 10] [--concurrency 100] [--raw FILE] [--json]`.

A whole `jobctl run` on a server of its own works at full load: async jobs, plain functions in threads, jobs that fail
and are retried. Its resident memory is taken once a second; after a warm-up, in which pools and caches fill, a line is
fitted. Exits with 6 if the line rises by more than 1 MiB in ten minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle
from math import sqrt
from pathlib import Path
from uuid import uuid4

from bench.sample import cpu_s
from jobctl import Client, NewJob, load_plan
from jobctl.broker.connect import connect
from jobctl.broker.embedded import embedded_broker
from jobctl.broker.keys import QueueKeys
from jobctl.compiler.plan import Plan
from jobctl.errors import ThresholdMissed
from jobctl.worker.memory import rss_bytes

SPEC = Path(__file__).with_name("soak.yaml")
MIB = 2**20
LIMIT_MIB = 1.0  # in ten minutes
SPAN_S = 600.0
WARM_UP = 0.2  # share of the time that is left out
BATCH = 500
DEEP_ENOUGH = 3_000  # jobs in the queues: the worker never waits, the server stays small
PERIOD_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One look at the worker: seconds since the start, its memory, and the jobs enqueued and no longer waiting."""

    at_s: float
    rss: int
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a soak has found.

    Attributes:
        jobs: jobs the worker ended while it was measured (count).
        rate_per_s: the same a second.
        first_mib, last_mib, most_mib: resident memory after the warm-up, at the end, at its highest.
        growth_mib: rise of the fitted line in ten minutes, MiB.
        error_mib: standard error of that rise; a short soak has a large one.
    """

    seconds: float
    jobs: int
    rate_per_s: float
    first_mib: float
    last_mib: float
    most_mib: float
    growth_mib: float
    error_mib: float

    @property
    def is_flat(self) -> bool:
        """Whether the memory grows by no more than allowed."""
        return self.growth_mib <= LIMIT_MIB


def judge(points: Sequence[Point]) -> Verdict:
    """Fit a line through the points after the warm-up, by least squares.

    Raises:
        ValueError: fewer than three points are left.
    """
    settled = [point for point in points if point.at_s >= points[-1].at_s * WARM_UP]
    if len(settled) < 3:
        raise ValueError("the soak was too short: fewer than three looks after the warm-up")
    count = len(settled)
    mean_at = sum(point.at_s for point in settled) / count
    mean_rss = sum(point.rss for point in settled) / count
    spread = sum((point.at_s - mean_at) ** 2 for point in settled)
    slope = sum((point.at_s - mean_at) * (point.rss - mean_rss) for point in settled) / spread
    rest = sum((point.rss - mean_rss - slope * (point.at_s - mean_at)) ** 2 for point in settled)
    seconds = settled[-1].at_s - settled[0].at_s
    jobs = settled[-1].jobs - settled[0].jobs
    return Verdict(
        seconds=seconds,
        jobs=jobs,
        rate_per_s=jobs / seconds,
        first_mib=settled[0].rss / MIB,
        last_mib=settled[-1].rss / MIB,
        most_mib=max(point.rss for point in settled) / MIB,
        growth_mib=slope * SPAN_S / MIB,
        error_mib=sqrt(rest / (count - 2) / spread) * SPAN_S / MIB,
    )


class Feeder:
    """Keeps the queues filled, and knows how many jobs have left them."""

    def __init__(self, plan: Plan, client: Client, url: str) -> None:
        self._client = client
        self._redis = connect(url)
        self._queued = [QueueKeys(queue.name).queued for queue in plan.queues]
        weights = {queue.name: queue.weight for queue in plan.queues}
        self._names = cycle([job.name for job in plan.registrations for _ in range(weights[job.queue])])
        self._enqueued = 0
        self._waiting = 0

    @property
    def done(self) -> int:
        """Jobs that a worker has taken."""
        return self._enqueued - self._waiting

    async def run(self) -> None:
        """Fill up until cancelled."""
        while True:
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in self._queued:
                    pipe.llen(name)
                self._waiting = sum(await pipe.execute())
            if self._waiting >= DEEP_ENOUGH:
                await asyncio.sleep(0.01)
                continue
            await self._client.enqueue_many([self._next() for _ in range(BATCH)])
            self._enqueued += BATCH

    def _next(self) -> NewJob:
        name = next(self._names)
        payload: dict[str, object] = {"number": self._enqueued}
        if name == "soak-async":
            payload["id"] = uuid4()
        return NewJob(name, payload)


async def watch(worker: subprocess.Popen[bytes], feeder: Feeder, minutes: float) -> list[Point]:
    """Look at the worker until the time is up.

    Raises:
        RuntimeError: it ended before.
    """
    points: list[Point] = []
    began_s = time.monotonic()
    while (at_s := time.monotonic() - began_s) < minutes * 60:
        if worker.poll() is not None:
            raise RuntimeError(f"the worker ended with exit code {worker.returncode}")
        points.append(Point(at_s=at_s, rss=rss_bytes(worker.pid), jobs=feeder.done))
        await asyncio.sleep(PERIOD_S)
    return points


async def soak(worker: subprocess.Popen[bytes], url: str, minutes: float) -> list[Point]:
    """Feed a worker and watch it."""
    plan = load_plan(SPEC)
    async with Client(plan, url) as client:
        feeder = Feeder(plan, client, url)
        feeding = asyncio.ensure_future(feeder.run())
        watching = asyncio.ensure_future(watch(worker, feeder, minutes))
        await asyncio.wait([feeding, watching], return_when=asyncio.FIRST_COMPLETED)
        feeding.cancel()
        if not watching.done():  # feeding has failed: nobody needs the figures
            watching.cancel()
            await feeding
        return await watching


@contextmanager
def working(url: str, concurrency: int) -> Iterator[subprocess.Popen[bytes]]:
    """A whole `jobctl run`."""
    command = [sys.executable, "-m", "jobctl_cli", "run", "--spec", str(SPEC), "--concurrency", str(concurrency)]
    worker = subprocess.Popen([*command, "--log-level", "error"], env={**os.environ, "REDIS_URL": url})
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(60)


def main() -> int:
    """Soak, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--concurrency", type=int, default=100, help="jobs at once (default 100)")
    parser.add_argument("--raw", type=Path, help="write each look at the worker to this file, a JSON object a line")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="jobctl-soak-") as home,
        embedded_broker(Path(home)) as url,
        working(url, options.concurrency) as worker,
    ):
        points = asyncio.run(soak(worker, url, options.minutes))
    if options.raw:
        options.raw.write_text("".join(f"{json.dumps(asdict(point))}\n" for point in points))
    verdict = judge(points)
    if options.json:
        print(json.dumps(asdict(verdict)))
    else:
        print(
            f"{verdict.jobs:,} jobs in {verdict.seconds:,.0f} s after the warm-up, {verdict.rate_per_s:,.0f} a second"
        )
        print(
            f"RSS {verdict.first_mib:.1f} MiB to {verdict.last_mib:.1f} MiB, {verdict.most_mib:.1f} MiB at the most; "
            f"{verdict.growth_mib:+.2f} ± {verdict.error_mib:.2f} MiB in ten minutes (limit {LIMIT_MIB:g})"
        )
        print(f"the feeder used {cpu_s():.0f} CPU s", file=sys.stderr)
    return 0 if verdict.is_flat else ThresholdMissed.exit_code


if __name__ == "__main__":
    sys.exit(main())
