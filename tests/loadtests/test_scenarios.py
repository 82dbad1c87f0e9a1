"""The other scenarios, in several processes, under chaos, and with users of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.loadtests.conftest import ROOT, Locust

from examples.tenants.database import Database
from examples.tenants.seed import seed
from jobctl.broker.embedded import EmbeddedServer

pytestmark = pytest.mark.slow


def test_fairness_of_several_locust_processes_is_measured_as_one(
    locust: Locust, leftovers: Callable[[], list[bytes]]
) -> None:
    run = locust(
        *("--processes", "2", "-t", "4s", "--jobctl-workers", "1", "--jobctl-scenario", "fairness"),
        *("--jobctl-backlog", "200", "--threshold", "fairness.max_deviation < 3%", "--threshold", "lost == 0"),
    )

    assert run.code == 0, run.err
    fairness = run.result["fairness"]
    assert fairness["starts"] > 200
    assert fairness["achieved"]["load-critical"] == pytest.approx(0.6, abs=0.01)
    assert run.result["figures"]["completed"] == run.result["figures"]["jobs"]
    assert leftovers() == []


def test_senders_end_with_the_process_that_forked_them(locust: Locust) -> None:
    began_s = time.monotonic()

    run = locust(
        "--processes", "2", "-t", "2s", "--jobctl-spec", "/nowhere"
    )  # returns when all have closed their output

    assert run.code == 3
    assert "no file or folder `/nowhere`" in run.err
    assert time.monotonic() - began_s < 30  # a minute, if left to Locust


def test_no_job_is_lost_when_workers_are_killed(locust: Locust, leftovers: Callable[[], list[bytes]]) -> None:
    run = locust("-t", "4s", "--jobctl-scenario", "chaos", "--jobctl-rate", "400")

    assert run.code == 0, run.err
    assert run.result["kills"] >= 1
    figures = run.result["figures"]
    assert figures["redelivered"] > 0
    assert figures["completed"] == figures["jobs"] > 100
    assert leftovers() == []


def test_a_killed_load_test_takes_its_workers_and_the_embedded_broker_along(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    command = [sys.executable, "-m", "locust", "-f", "loadtests/", "--headless", "-t", "60s", "--jobctl-warmup", "0s"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**environment, "JOBCTL_HOME": str(home), "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stderr is not None
        assert any("load test" in line for line in run.stderr)
        assert EmbeddedServer(home / "load").answers()
        run.kill()

    deadline_s = time.monotonic() + 30
    while EmbeddedServer(home / "load").answers() or [*tmp_path.glob("jobctl-load-*")]:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_class_of_five_lines_tests_jobs_of_ones_own_against_a_baseline(locust: Locust, tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/tenants.db")
    db.create_tables()
    seed(db, now=datetime.now(UTC))
    db.close()
    baseline = tmp_path / "baseline.json"
    baseline.write_text('{"format": 1, "samples": {"throughput": [1.0, 2.0, 3.0], "lost": [0.0]}}')

    run = locust(
        *("-t", "3s", "--jobctl-workers", "1", "--jobctl-rate", "20", "--baseline", str(baseline)),
        file="examples/tenants/locustfile.py",
        env={"DATABASE_URL": f"sqlite:///{tmp_path}/tenants.db", "EMAIL_PROVIDER": "console"},
    )

    assert run.code == 0, run.err
    assert run.total("done", "num_requests") > 10
    assert run.result["changes"]["lost"]["outcome"] == "same"
    assert "BASELINE" in run.err
