"""The table of docs/fairness.md: `python -m loadtests._rivals`.

Simulated schedulers, whose answers are known, and the two workers as they really are: ours and stock SAQ, one of its
workers a queue with its share of the slots, on a server of their own (`jobctl bench fairness --against saq`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from random import Random

from jobctl.measure.fairness import Fairness, measure
from jobctl.measure.schedulers import rotating, shuffled, smooth, split, strict

WEIGHTS = {"critical": 6, "default": 3, "low": 1}
STARTS = 100_000
MEASURED_JOBS = 20_000
HEAD = ("", "MAX 10", "MAX 100", "RMS 100", "JAIN", "LONGEST GAP OF LOW")


def simulated() -> list[tuple[str, Fairness, Fairness]]:
    """Return name, fairness in windows of 10 and in windows of 100 of each simulated scheduler."""
    slow_low = {"critical": 10.0, "default": 10.0, "low": 100.0}
    random = Random(20)
    schedulers = {
        "smooth weighted round robin (jobctl)": smooth(WEIGHTS),
        "weights in turn": rotating(WEIGHTS),
        "drawn by weight (Asynq)": shuffled(WEIGHTS, random),
        "slots split, run times vary alike": split(WEIGHTS, WEIGHTS, lambda _: random.expovariate(0.1)),
        "slots split, jobs of low 10 x longer": split(WEIGHTS, WEIGHTS, slow_low.__getitem__),
        "strict priority": strict(WEIGHTS),
    }
    found = []
    for name, scheduler in schedulers.items():
        starts = list(islice(scheduler, STARTS))
        found.append((name, measure(starts, WEIGHTS, 10), measure(starts, WEIGHTS, 100)))
    return found


def measured() -> list[tuple[str, ...]]:
    """Return the rows of a backlog of no-op jobs, drained by our worker and by stock SAQ's."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jobctl_cli", "bench", "fairness", "--against", "saq", "--no-plots"]
        command += ["--jobs", str(MEASURED_JOBS), "--repeats", "1", "--report", str(Path(folder) / "report")]
        done = subprocess.run([*command, "-o", "json"], stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, dict[str, list[float]]] = json.loads(done.stdout)["figures"]
    names = {"jobctl": "jobctl, measured", "saq": "stock SAQ, a worker a queue, measured"}
    return [
        (name, "", f"{figures[side]['fairness.max_deviation'][0] * 100:.1f}", "",
         f"{figures[side]['fairness.jain'][0]:.4f}", "")
        for side, name in names.items()
    ]  # fmt: skip


def main() -> None:
    """Print the table."""
    rows: list[tuple[str, ...]] = [HEAD]
    for name, ten, hundred in simulated():
        points = (ten.worst_points, hundred.worst_points, hundred.rms_points)
        gap = f"{hundred.longest_gap['low']:,}"
        rows.append((name, *(f"{each:.1f}" for each in points), f"{hundred.jain:.4f}", gap))
    rows += measured()
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    for row in rows:
        cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print(row[0].ljust(widths[0]), *cells)


if __name__ == "__main__":
    main()
