"""Phases run for real: each side, each kind of phase, with a handful of jobs. The figures are not judged here."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # Locust brings it
import pytest

from jobctl.bench.findings import find
from jobctl.bench.processes import SubjectFailed
from jobctl.bench.run import Setup, run_phase
from jobctl.bench.scenario import ARRIVALS, BACKLOG, SCENARIOS, Phase, Portion
from jobctl.bench.trace import CUT_OFF, INTERRUPTED

pytestmark = pytest.mark.slow
MIX = SCENARIOS["throughput"].mix
ISOLATED = """\
version: 1
jobs:
  far:
    handler: jobctl.bench.jobs:in_thread
    isolation: process
    payload: {ms: {type: float}, padding: {type: string, default: ""}}
"""


def tell(*_: object) -> None:
    pass


def test_two_processes_drain_a_backlog_by_weight(redis_url: str) -> None:
    setup = Setup(url=redis_url, processes=2, padding=100)

    trace = run_phase("jobctl", Phase(kind=BACKLOG, jobs=500), MIX, setup, tell)

    assert trace.ends["completed"] == len(trace.jobs) == 500
    assert len(trace.workers) == 2
    found = find(trace, has_shares=True)
    assert found.figures["throughput"] > 0
    assert found.figures["fairness.max_deviation"] < 0.2


def test_stock_saq_drains_a_backlog_in_a_queue_each(redis_url: str) -> None:
    # SAQ's sweep at a worker's start strands a job now and then, for half a minute: then the limit ends the phase
    setup = Setup(url=redis_url, apart=True, limit_s=10.0)

    trace = run_phase("saq", Phase(kind=BACKLOG, jobs=100), MIX, setup, tell)

    assert trace.ends["completed"] >= 60
    assert {run.queue for run in trace.runs} == set(trace.weights)


@pytest.mark.parametrize("side", ["jobctl", "saq"])
def test_each_side_serves_arrivals_and_ends_are_heard(redis_url: str, side: str) -> None:
    phase = Phase(kind=ARRIVALS, rate_per_s=500.0, duration_s=0.4)

    trace = run_phase(side, phase, MIX, Setup(url=redis_url), tell)

    assert trace.ends["completed"] == len(trace.heard) == 200
    assert {run.key for run in trace.runs} == set(trace.jobs)
    assert find(trace, has_shares=True).histograms["done"].count == 200


def test_without_a_broker_a_phase_has_a_server_of_its_own() -> None:
    trace = run_phase("jobctl", Phase(kind=BACKLOG, jobs=100), MIX, Setup(), tell)

    assert trace.ends["completed"] == 100


def test_isolated_jobs_are_timed_by_their_records(redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(ISOLATED)
    mix = (Portion(job="far", payload={"ms": 1.0}),)

    setup = Setup(url=redis_url, spec=str(tmp_path / "spec.yaml"))
    trace = run_phase("jobctl", Phase(kind=BACKLOG, jobs=100), mix, setup, tell)
    found = find(trace, has_shares=True)

    assert len(trace.runs) == 100
    assert found.figures["throughput"] > 0
    assert any("isolated" in text for text in found.warnings)


def test_ctrl_c_ends_a_phase_with_what_there_is(redis_url: str) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what == "done" and done >= 50:
            raise KeyboardInterrupt

    phase = Phase(kind=ARRIVALS, rate_per_s=100.0, duration_s=60.0)
    trace = run_phase("jobctl", phase, MIX, Setup(url=redis_url), interrupt)

    assert trace.stopped == INTERRUPTED
    assert 50 <= len(trace.runs) < 3_000


def test_no_phase_goes_on_for_ever(redis_url: str) -> None:
    phase = Phase(kind=BACKLOG, jobs=100)
    slow = (Portion(job="wait", payload={"ms": 20_000.0}),)

    trace = run_phase("jobctl", phase, slow, Setup(url=redis_url, limit_s=1.0), tell)

    assert trace.stopped == CUT_OFF
    assert trace.ends["lost"] == 100


def test_a_worker_that_cannot_start_says_why(redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(ISOLATED.replace("jobctl.bench.jobs:in_thread", "no.such:handler"))
    mix = (Portion(job="far", payload={"ms": 1.0}),)

    setup = Setup(url=redis_url, spec=str(tmp_path / "spec.yaml"))
    with pytest.raises(SubjectFailed, match=r"no\.such"):
        run_phase("jobctl", Phase(kind=BACKLOG, jobs=100), mix, setup, tell)


KILLED = """\
from jobctl.bench.run import Setup, run_phase
from jobctl.bench.scenario import ARRIVALS, SCENARIOS, Phase

def tell(what, done, total):
    if done:
        print("under way", flush=True)

run_phase("jobctl", Phase(kind=ARRIVALS, rate_per_s=100.0, duration_s=60.0), SCENARIOS["throughput"].mix, Setup(), tell)
"""


def test_a_killed_run_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"under way\n"
        begun = psutil.Process(run.pid).children(recursive=True)
        run.kill()

    assert len(begun) >= 4  # server, worker, generator and what watches them
    eventually(lambda: not any(is_alive(each) for each in begun))
    eventually(lambda: not list(tmp_path.iterdir()))


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def eventually(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
