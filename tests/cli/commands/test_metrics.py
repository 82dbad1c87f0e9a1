"""`jobctl metrics`, and `jobctl run --metrics-port`: real scrapes of a real broker."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import parser

from jobctl.metrics.catalog import BROKER, WORKER

Samples = dict[tuple[str, ...], float]
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (of Prometheus) is not installed")


def read(text: str) -> Samples:
    """Return the samples by ``(name, values of their labels in the order of the labels' names)``."""
    found = [one for family in parser.text_string_to_metric_families(text) for one in family.samples]
    return {(one.name, *(one.labels[name] for name in sorted(one.labels))): one.value for one in found}


@pytest.fixture
def scrape(jobctl) -> Callable[[], Samples]:
    def ask() -> Samples:
        out = jobctl("metrics")
        assert (out.exit_code, out.stderr) == (0, "")
        return read(out.stdout)

    return ask


@pytest.fixture
def busy(jobctl, work) -> None:
    """One job complete, one retrying, one waiting in a paused queue."""
    jobctl("enqueue", "greet", "--name", "Ada")
    jobctl("enqueue", "boom")
    work()
    jobctl("enqueue", "greet", "--name", "Bob")
    jobctl("queues", "pause", "default")


def test_state_of_the_broker(busy, scrape) -> None:
    found = scrape()

    assert found[("jobctl_up",)] == 1
    assert found["jobctl_jobs", "default", "complete"] == 1
    assert found["jobctl_jobs", "default", "queued"] == 1
    assert found["jobctl_jobs", "critical", "retrying"] == 1
    assert found["jobctl_queue_paused", "default"] == 1
    assert found["jobctl_queue_paused", "critical"] == 0
    assert found["jobctl_queue_oldest_wait_seconds", "default"] > 0
    assert found["jobctl_queue_share_configured_ratio", "critical"] == pytest.approx(2 / 3)
    assert found["jobctl_queue_share_achieved_ratio", "critical"] == 0.5


def test_counts_by_queue_and_type(busy, scrape) -> None:
    found = scrape()

    assert found["jobctl_job_starts_total", "default", "greet"] == 1
    assert found["jobctl_job_outcomes_total", "complete", "default", "greet"] == 1
    assert found["jobctl_job_outcomes_total", "retry", "critical", "boom:now"] == 1
    assert found["jobctl_job_outcomes_total", "dead", "critical", "boom:now"] == 0
    assert found["jobctl_job_run_seconds_count", "critical", "boom:now"] == 1
    assert found["jobctl_job_wait_seconds_bucket", "+Inf", "default", "greet"] == 1
    assert found["jobctl_job_redeliveries_total", "default", "lost", "greet"] == 0


def test_type_without_a_handler_does_not_become_a_name_of_its_own(jobctl, server, scrape, work, project) -> None:
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "k")
    raw = server.get("saq:job:default:k").replace(b'"function":"greet"', b'"function":"made-up"')
    server.set("saq:job:default:k", raw)
    work()

    found = scrape()

    assert found["jobctl_job_outcomes_total", "dead", "default", "other"] == 1
    assert not any("made-up" in key for key in found)


def test_schedules(jobctl, scrape) -> None:
    with running(jobctl.variables, "run"):
        eventually(lambda: scrape().get(("jobctl_schedule_next_timestamp_seconds", "boom"), 0) > time.time())
        found = eventually(lambda: (now := scrape())[("jobctl_workers", "running")] == 1 and now)

    assert found["jobctl_schedule_overdue_seconds", "boom"] == 0
    assert found["jobctl_schedule_paused", "boom"] == 0
    assert found[("jobctl_schedules_overdue",)] == 0
    assert found["jobctl_slots", "free"] == 10


def test_every_metric_of_the_catalog_is_served_and_no_other(busy, jobctl, scrape) -> None:
    names = {re.sub("_(bucket|sum|count|total)$", "", key[0]) for key in scrape()}

    assert {metric.name for metric in BROKER} - names == {"jobctl_schedule_last_late_seconds"}  # no tick yet
    assert names <= {metric.name for metric in BROKER}


def test_commands_of_a_scrape_do_not_grow_with_the_backlog(jobctl, server, scrape) -> None:
    def cost() -> int:
        before = sum(one["calls"] for one in server.info("commandstats").values())
        scrape()
        return sum(one["calls"] for one in server.info("commandstats").values()) - before

    jobctl("enqueue", "greet", "--name", "Ada")
    first = cost()
    jobctl("enqueue", "--file", "-", stdin='{"job": "greet", "payload": {"name": "Bob"}}\n' * 500)

    assert cost() == first < 120


def test_broker_that_is_away_ends_a_single_scrape(offline) -> None:
    out = offline("metrics")

    assert out.exit_code == 4
    assert "error[broker.unreachable]" in out.stderr


def test_json_and_openmetrics(jobctl) -> None:
    families = {one["name"]: one for one in jobctl("metrics", "-o", "json").json}

    assert families["jobctl_up"]["samples"] == [{"name": "jobctl_up", "labels": {}, "value": 1}]
    assert jobctl("metrics", "-o", "openmetrics").stdout.endswith("# EOF\n")


@pytest.mark.parametrize("port", ["http", "70000", ":9484", "-1"])
def test_port_that_is_none(offline, port: str) -> None:
    out = offline("metrics", f"--port={port}")

    assert out.exit_code == 2
    assert f"`--port`: `{port}` is not a port; write e.g. `9484`" in out.stderr


@needs_promtool
def test_promtool_finds_nothing_to_say_about_a_scrape(busy, jobctl) -> None:
    told = subprocess.run(
        ["promtool", "check", "metrics"],
        input=jobctl("metrics").stdout,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (told.returncode, told.stdout + told.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--processes", "2")], ids=["one process", "two processes"])
def test_worker_serves_its_metrics_and_probes(jobctl, flags: tuple[str, ...]) -> None:
    jobctl("enqueue", "greet", "--name", "Ada")

    with running(jobctl.variables, "run", "--metrics-port", "0", *flags) as base:
        eventually(lambda: status(f"{base}/readyz") == 200)
        found = eventually(
            lambda: (now := get(f"{base}/metrics")) and sum_of(now, "jobctl_worker_starts_total") and now
        )
        assert status(f"{base}/healthz") == 200

    processes = [key[1] for key in read(found) if key[0] == "jobctl_worker_slots"]
    assert processes == (["1", "2"] if flags else ["1"])
    names = {re.sub("_(bucket|sum|count|total|info)$", "", key[0]) for key in read(found)}
    assert names == {metric.name for metric in WORKER}


@pytest.mark.slow
def test_exporter_tells_of_a_broker_that_went_away_and_came_back(jobctl, server) -> None:
    with running(jobctl.variables, "metrics", "--port", "0") as base:
        assert sum_of(get(f"{base}/metrics"), "jobctl_up") == 1
        server.config_set("requirepass", "secret")
        try:
            server.client_kill_filter(_type="normal", skipme=True)
            eventually(lambda: read(get(f"{base}/metrics")) == {("jobctl_up",): 0})
        finally:
            server.config_set("requirepass", "")
        eventually(lambda: sum_of(get(f"{base}/metrics"), "jobctl_up") == 1)


def sum_of(text: str, name: str) -> float:
    return sum(value for key, value in read(text).items() if key[0] == name)


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body.decode()


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def eventually(ask: Callable[[], Any], deadline_s: float = 20.0) -> Any:
    until = time.monotonic() + deadline_s
    while not (found := ask()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.05)
    return found


@contextmanager
def running(variables: dict[str, str], *args: str) -> Iterator[str]:
    """Run the program in a process of its own; yield where it serves metrics, if it does."""
    log = Path("program.log")
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "jobctl_cli", *args], stderr=stderr, env={**os.environ, **variables}
        )
    try:
        wanted = r"(http://[\d.:]+)/metrics" if {"--port", "--metrics-port"} & set(args) else r"()worker started"
        yield eventually(lambda: re.search(wanted, log.read_text()) or process.poll())[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
