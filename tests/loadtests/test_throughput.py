"""The throughput scenario, run as a user runs it: a short headless run in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def locust(redis_url: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "-f", "loadtests/", "--headless", "--json"]
    command += ["-u", "2", "-r", "2", "-s", "5"]
    return subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": redis_url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def total(run: subprocess.CompletedProcess[str], method: str, field: str) -> int:
    rows: list[dict[str, Any]] = json.loads(run.stdout[run.stdout.index("[") :])
    return sum(row[field] for row in rows if row["method"] == method)


@pytest.mark.slow
def test_every_job_enqueued_is_seen_to_end(redis_url: str) -> None:
    run = locust(redis_url, "-t", "3s", "--jobctl-worker", "--jobctl-rate", "20")

    assert run.returncode == 0, run.stderr
    assert total(run, "enqueue", "num_requests") > 30
    assert total(run, "done", "num_requests") == total(run, "enqueue", "num_requests")
    assert total(run, "done", "num_failures") == 0


@pytest.mark.slow
def test_jobs_that_nobody_runs_fail_the_test(redis_url: str) -> None:
    run = locust(redis_url, "-t", "1s", "--jobctl-rate", "5", "--jobctl-drain", "100ms")

    assert run.returncode == 1
    assert "is a worker running" in run.stderr
    assert total(run, "done", "num_failures") == total(run, "enqueue", "num_requests") > 0


def test_a_wrong_job_name_ends_the_run_with_its_hint(redis_url: str) -> None:
    run = locust(redis_url, "-t", "1s", "--jobctl-jobs", "noop-critcal")

    assert run.returncode == 5
    assert "did you mean `noop-critical`?" in run.stderr
    assert "Traceback" not in run.stderr
