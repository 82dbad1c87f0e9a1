"""Locust's page with our scenarios: a run is chosen, watched and stopped by what its buttons send."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobctl import BlockingClient, load_plan
from jobctl.loadtest.spec import NOOP

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0


class LocustPage:
    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **form: str) -> Any:
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(f"{self.url}{path}", data=data, timeout=DEADLINE_S) as answer:
            return json.loads(answer.read())

    def wait_for(self, look: Callable[[], Any]) -> Any:
        deadline_s = time.monotonic() + DEADLINE_S
        while True:
            try:
                if found := look():
                    return found
            except OSError:
                pass  # it does not listen yet
            assert time.monotonic() < deadline_s
            time.sleep(0.1)

    def start(self, scenario: str) -> None:
        answer = self.ask("swarm", user_count="2", spawn_rate="2", jobctl_scenario=scenario, jobctl_workers="1")
        assert answer["success"]

    def tab(self, key: str) -> list[dict[str, str]]:
        tabs = {tab["key"]: tab["data"] for tab in self.ask("stats/requests")["extended_stats"]}
        return tabs[key]

    def done(self) -> set[str]:
        rows = self.ask("stats/requests")["stats"]
        return {row["name"] for row in rows if row["method"] == "done" and row["num_requests"]}


@pytest.fixture
def page(redis_url: str) -> Iterator[LocustPage]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "locust", "-f", "loadtests/", "--web-host", "127.0.0.1", "--web-port", str(port)]
    command += ["--threshold", "done.p95 < 10s", "--jobctl-warmup", "0s"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": redis_url},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        page = LocustPage(f"http://127.0.0.1:{port}/")
        page.wait_for(lambda: page.ask("stats/requests"))
        yield page
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def test_one_scenario_after_the_other_is_run_from_the_page(
    page: LocustPage, redis_url: str, leftovers: Callable[[], list[bytes]]
) -> None:
    page.start("latency")
    (row,) = page.wait_for(lambda: [row for row in page.tab("jobctl-thresholds") if row["state"] == "kept"])
    assert row["threshold"] == "done.p95 < 10s"
    page.wait_for(lambda: page.done() == {"noop-critical", "noop-default", "noop-low"})
    page.ask("stop", now="1")
    assert leftovers() == []

    page.start("fairness")
    page.wait_for(lambda: page.tab("jobctl-fairness"))
    page.wait_for(lambda: page.done() == {"pause-critical", "pause-default", "pause-low"})
    page.ask("stop", now="1")
    assert leftovers() == []

    with BlockingClient(load_plan(NOOP), redis_url) as client:
        client.enqueue("noop-low", {"number": 1})
    page.start("latency")
    told = page.wait_for(lambda: page.ask("exceptions")["exceptions"])
    assert "holds 1 other job" in told[0]["msg"]
