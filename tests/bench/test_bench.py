"""The bench runs: each side, each way, with a handful of jobs. Its figures are not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.sample import Sample
from bench.table import Row, render

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("subject", ["jobctl", "saq"])
@pytest.mark.parametrize("how", ["work", "one", "many"])
def test_each_side_measures(redis_url: str, subject: str, how: str) -> None:
    command = [sys.executable, "-m", f"bench.{subject}_subject", how, redis_url, "200", "10"]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert run.returncode == 0, run.stderr
    assert Sample.parse(run.stdout).rate_per_s > 0


def test_table_shows_medians_spread_and_ratio() -> None:
    row = Row(title="work")
    for seconds in (1.0, 2.0, 4.0):
        row.add("jobctl", Sample(jobs=1000, seconds=seconds, cpu_s=0.5, worst_of_10=0.0, worst_of_100=1.0))
        row.add("saq", Sample(jobs=1000, seconds=seconds * 10, cpu_s=5.0))

    lines = render([row]).splitlines()

    assert " ".join(lines[2].split()) == "jobs/s 500 (250 - 1,000) 50 (25 - 100) 10.00"
    assert lines[3].split()[-1] == "0.10"
    assert lines[-1].split()[-1] == "1"
