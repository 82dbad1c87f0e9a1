"""`jobctl workers`, through the whole program, with reports as workers leave them and with a real worker."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from jobctl.broker import keys


@pytest.fixture
def reported(server: redis_py.Redis) -> Callable[..., None]:
    """Leave a worker's report."""

    def leave(worker_id: str, **facts: Any) -> None:
        now_ms = int(time.time() * 1000)
        body = {"id": worker_id, "host": "web-1", "pid": 4711, "started_ms": now_ms - 60_000, "seen_ms": now_ms}
        body |= {"concurrency": 10, "queues": {"critical": 6}, "version": "1.0", "fingerprint": "abcdef0123456789"}
        server.set(keys.worker(worker_id), json.dumps(body | facts))
        server.zadd(keys.WORKERS, {worker_id: now_ms + 20_000})

    return leave


RUNNING = {"key": "k1", "queue": "critical", "type": "boom:now", "started_ms": 1, "ran_ms": 1500, "attempt": 2}


def test_list_shows_jobs_and_leases(jobctl: Any, reported: Any, server: redis_py.Redis) -> None:
    reported("aaaa1111", active=1, running=[RUNNING])
    lease_ms = int(server.time()[0]) * 1000 + 9_500
    server.zadd(keys.QueueKeys("critical").leases, {keys.job_id("critical", "k1"): lease_ms})

    (worker,) = jobctl("workers", "list", "-o", "json").json
    shown = jobctl("workers", "list", "--jobs", tty=True, NO_COLOR="1")

    assert (worker["id"], worker["host"], worker["fingerprint"]) == ("aaaa1111", "web-1", "abcdef0123456789")
    assert worker["running"][0]["job"] == "boom"
    assert 7_000 < worker["running"][0]["lease_ms"] <= 9_500
    assert max(map(len, shown.lines)) <= 80
    assert "abcdef01" in shown.stdout
    assert "they run another spec than the one here" in shown.stderr


def test_list_without_workers(jobctl: Any) -> None:
    assert jobctl("workers", "list").lines == ["no workers"]


def test_different_specs_and_versions_are_noted(jobctl: Any, reported: Any) -> None:
    reported("aaaa1111")
    reported("bbbb2222", fingerprint="ffff", version="2.0")

    err = jobctl("workers", "list").stderr

    assert "2 versions of jobctl run: 1.0, 2.0" in err
    assert "2 different specs run" in err


@pytest.mark.parametrize("name", ["aaaa1111", "aaaa", "web-1", "web-1:4711"])
def test_workers_are_named_by_id_beginning_host_or_process(jobctl: Any, reported: Any, name: str) -> None:
    reported("aaaa1111")
    reported("bbbb2222", host="web-2", pid=1)

    assert jobctl("workers", "list", name, "-o", "name").lines == ["aaaa1111"]


def test_unknown_and_ambiguous_names_are_told(jobctl: Any, reported: Any) -> None:
    reported("aaaa1111")
    reported("aaaa2222")

    unknown, several = jobctl("workers", "quiet", "web-2"), jobctl("workers", "quiet", "aaaa")

    assert unknown.exit_code == 5
    assert "did you mean `web-1`?" in unknown.stderr
    assert several.exit_code == 2
    assert "begins the ids of 2 workers" in several.stderr


def test_worker_or_all_must_be_said(jobctl: Any) -> None:
    none, both = jobctl("workers", "stop"), jobctl("workers", "stop", "w", "--all")

    assert (none.exit_code, both.exit_code) == (2, 2)
    assert "needs workers, or `--all`" in none.stderr
    assert "exclude each other" in both.stderr


def test_stop_of_all_asks_and_a_pipe_cannot_answer(jobctl: Any, reported: Any, server: redis_py.Redis) -> None:
    reported("aaaa1111")

    out = jobctl("workers", "stop", "--all")

    assert out.exit_code == 2
    assert "error[usage.unconfirmed]: 1 worker would be stopped" in out.stderr
    assert not server.exists(keys.order_for("aaaa1111"))


def test_worker_that_does_not_answer_is_told_of(jobctl: Any, reported: Any) -> None:
    reported("aaaa1111")

    out = jobctl("workers", "quiet", "aaaa1111", "--timeout", "200ms")

    assert out.exit_code == 124
    assert "warning[worker.slow]" in out.stderr


@pytest.fixture
def live(project: Path, redis_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor with one real worker."""
    command = [sys.executable, "-m", "jobctl_cli", "run", "--processes", "1"]
    environment = {"REDIS_URL": redis_url, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(project)}
    process = subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.PIPE)
    yield process
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=30)


@pytest.mark.slow
def test_real_worker_is_quiet_serves_and_stops_for_good(jobctl: Any, live: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not (ids := jobctl("workers", "list", "-o", "name").stdout.split()) or ids == ["no", "workers"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    quiet = jobctl("workers", "quiet", *ids, "--wait", "-o", "json")
    resumed = jobctl("workers", "resume", "--all", "-o", "json")
    stopped = jobctl("workers", "stop", "--all", "--yes", "--wait", "-o", "json")

    assert [out.json[0]["state"] for out in (quiet, resumed, stopped)] == ["quiet", "running", "stopped"]
    assert live.wait(timeout=30) == 0  # the supervisor had no other worker, and started none
    actions = [entry["action"] for entry in jobctl("audit", "-o", "json").json]
    assert actions == ["worker.stop", "worker.resume", "worker.quiet"]


def test_order_to_many_is_one_entry_of_the_audit_log(jobctl: Any, reported: Any) -> None:
    for number in range(11):
        reported(f"{number:08}")

    jobctl("workers", "quiet", "--all", "--timeout", "0s")

    (entry,) = jobctl("audit", "-o", "json").json
    assert (entry["action"], entry["target"], entry["count"]) == ("worker.quiet", "11 workers", 11)
    assert "00000010" in entry["detail"]["ids"]


def test_job_that_ended_since_the_report_is_told_to_have(jobctl: Any, reported: Any) -> None:
    reported("aaaa1111", active=1, running=[RUNNING])

    assert jobctl("workers", "list", "--jobs").lines[-1].endswith("-  has ended")
