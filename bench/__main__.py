"""Measure our worker beside stock SAQ: `python -m bench [--repeats N] [--quick] [--json] [--plot FILE]`.

Each measurement runs in a process of its own on a server of its own, over TCP on loopback and with AOF (everysec), as
a broker in production has it. The two sides take turns, so that what else the machine does meets both alike; the
table shows medians.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.plot import bars
from bench.sample import Sample
from bench.table import Row, render
from jobctl.testing.servers import PrivateServer

TIMEOUT_S = 120.0  # of one measurement; they take seconds
QUICK = 10  # `--quick` divides the jobs by this: for trying the bench, not for its figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One thing measured on both sides; each side gets the jobs that keep it busy for a few seconds."""

    title: str
    how: str
    slots: int = 0
    ours: int
    theirs: int


TRIALS = (
    Trial(title="work, concurrency 10", how="work", slots=10, ours=60_000, theirs=10_000),
    Trial(title="work, concurrency 100", how="work", slots=100, ours=60_000, theirs=10_000),
    Trial(title="enqueue one at a time", how="one", ours=10_000, theirs=10_000),
    Trial(title="enqueue many", how="many", ours=60_000, theirs=20_000),
)


def measure(subject: str, trial: Trial, jobs: int) -> Sample:
    """Run one measurement and return its sample.

    Raises:
        RuntimeError: the subject failed; the message holds its last words.
    """
    with tempfile.TemporaryDirectory(prefix="jobctl-bench-") as home, PrivateServer(Path(home)) as server:
        command = [sys.executable, "-m", f"bench.{subject}_subject", trial.how, server.url, str(jobs), str(trial.slots)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(command[2:])} exited {run.returncode}:\n{run.stderr[-2000:]}")
    return Sample.parse(run.stdout)


def rounds(repeats: int, divisor: int) -> Iterator[tuple[Trial, str, Sample]]:
    """Yield the samples, the sides taking turns in going first."""
    for repeat in range(repeats):
        for trial in TRIALS:
            sides = [("jobctl", trial.ours), ("saq", trial.theirs)]
            for subject, jobs in sides if repeat % 2 == 0 else reversed(sides):
                yield trial, subject, measure(subject, trial, jobs // divisor)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each kind (default 5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the jobs: to try it, not for figures")
    parser.add_argument("--json", action="store_true", help="print every sample as a JSON line instead of the table")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios as an SVG")
    options = parser.parse_args()
    rows = {trial.title: Row(title=trial.title) for trial in TRIALS}
    for trial, subject, sample in rounds(options.repeats, QUICK if options.quick else 1):
        rows[trial.title].add(subject, sample)
        print(f"{trial.title}: {subject} {sample.rate_per_s:,.0f}/s", file=sys.stderr)
        if options.json:
            print(json.dumps({"trial": trial.title, "subject": subject, **asdict(sample)}), flush=True)
    if options.plot:
        title = f"jobs per second, times stock SAQ (medians of {options.repeats})"
        Path(options.plot).write_text(bars(title, [(row.title, row.ratio) for row in rows.values()]))
    if not options.json:
        print(render(list(rows.values())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
