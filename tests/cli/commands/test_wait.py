"""`jobctl enqueue --wait`, with a worker in another process of the same broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def worker(project: Path, redis_url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "jobctl_cli", "run", "--log-format", "json"],
        env={**os.environ, "REDIS_URL": redis_url},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "worker started" in line:
            break
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    process.stderr.close()


def test_result_of_a_job_is_printed(jobctl, worker) -> None:
    out = jobctl("enqueue", "greet", "--name", "Ada", "--wait")

    assert out.exit_code == 0
    assert out.json == {"said": "hello Ada "}
    assert "waiting for its end" in out.stderr


def test_text_is_printed_as_it_is_and_json_as_json(jobctl, worker) -> None:
    assert jobctl("enqueue", "sync", "--id", "1", "--wait").stdout == "synced 1\n"
    assert jobctl("enqueue", "sync", "--id", "2", "--wait", "-o", "json").stdout == '"synced 2"\n'
    assert jobctl("enqueue", "sync", "--id", "3", "--wait", "-o", "yaml").stdout.startswith("synced 3\n")


def test_job_that_dies_is_a_failure(jobctl, worker) -> None:
    out = jobctl("enqueue", "boom", "--id", "3", "--retries", "0", "--wait")

    assert (out.exit_code, out.stdout) == (1, "")
    assert "error[job.failed]: `boom` ended dead after 1 attempt: ValueError: boom 3" in out.stderr
    assert "\nhint: `jobctl inspect " in out.stderr


def test_wait_that_takes_too_long_ends(jobctl) -> None:
    out = jobctl("enqueue", "greet", "--name", "Ada", "--wait", "--wait-timeout", "50ms")

    assert out.exit_code == 124
    assert "error[job.wait-timeout]" in out.stderr
    assert len(jobctl("inspect", "-o", "name").lines) == 1


def test_nobody_to_do_the_work_is_told(jobctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobctl_cli.waiting.PATIENCE_S", 0.05)

    out = jobctl("enqueue", "greet", "--name", "Ada", "--wait", "--wait-timeout", "100ms")

    assert "hint: no worker serves queue default; `jobctl run` starts one" in out.stderr


def test_wait_timeout_without_wait_means_nothing(offline) -> None:
    out = offline("enqueue", "boom", "--wait-timeout", "1s")

    assert out.exit_code == 2
    assert "`--wait-timeout` means nothing without `--wait`" in out.stderr


def test_a_job_that_is_not_there_is_an_error_and_no_list(jobctl) -> None:
    out = jobctl("wait", "nosuch")

    assert (out.exit_code, out.stdout) == (5, "")
    assert jobctl("wait", "nosuch", "-o", "json").json == []
