"""What several worker processes bring: `python -m bench.processes [--processes 1 2] [--repeats 3]`.

Each measurement drains a backlog as `jobctl bench` does, on a private server, once with jobs that do nothing, once with
jobs that keep a core busy for a millisecond. The cores are what all workers together, without the server, have used: a
machine that gives no second core shows it.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from jobctl.bench.findings import find
from jobctl.bench.run import Setup, run_phase
from jobctl.bench.scenario import BACKLOG, SCENARIOS, Phase, Portion

CONCURRENCY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A backlog: what it is made of, and how many jobs keep a process busy for a few seconds."""

    title: str
    mix: tuple[Portion, ...]
    jobs: int


WORKS = (
    Work(title="no-op", mix=SCENARIOS["throughput"].mix, jobs=100_000),
    Work(title="1 ms of CPU", mix=(Portion(job="compute", payload={"ms": 1.0}),), jobs=5_000),
)


def measure(work: Work, processes: int) -> tuple[float, float]:
    """Drain a backlog; return jobs per second, and the cores the workers used meanwhile (mean count)."""
    setup = Setup(processes=processes, concurrency=CONCURRENCY)
    trace = run_phase("jobctl", Phase(kind=BACKLOG, jobs=work.jobs), work.mix, setup, lambda *_: None)
    figures = find(trace, has_shares=False).figures
    return figures["throughput"], figures["throughput"] * figures["worker.cpu_per_job"] / 1000


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
