"""`jobctl alert`: the alerts of the specs, and a try of one through a real worker."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobctl.compiler import bind, load_plan
from jobctl.worker import Worker

ALERTS = """\
version: 1
alerts:
  deaths: {when: dead, to: ["exec:tee -a told.json", "$OPS_WEBHOOK"], queues: [critical]}
  lagging: {when: age, above: 10m, to: "https://user:secret@hooks.example.org/T0/B0/xyz", every: 1h}
"""


@pytest.fixture
def alerts(project: Path) -> None:
    (project / "jobspecs/alerts.yaml").write_text(ALERTS)


@pytest.fixture
def worker(alerts, project: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker in a thread, until the test ends."""
    monkeypatch.syspath_prepend(project)
    plan = load_plan(project / "jobspecs")
    running = threading.Event()
    stop: list[Callable[[], None]] = []

    async def work() -> None:
        found = Worker.for_plan(plan, bind(plan), url=redis_url)
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(found.request_stop))
        serving = asyncio.ensure_future(found.run())
        await found.started.wait()
        running.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    assert running.wait(20)
    yield
    stop[0]()
    thread.join(20)


def test_list(alerts, jobctl) -> None:
    out = jobctl("alert", "list", columns=120)

    assert (out.exit_code, out.stderr) == (0, "")
    assert [" ".join(line.split()) for line in out.lines] == [
        "ALERT WHEN TO EVERY STATE LAST TOLD",
        "deaths dead (critical) exec:tee, $OPS_WEBHOOK 15m quiet -",
        "lagging age above 10m https://hooks.example.org/... 1h quiet -",
    ]


def test_list_as_data_keeps_addresses_secret(alerts, jobctl) -> None:
    out = jobctl("alert", "list", "-o", "json")

    assert "secret" not in out.stdout
    assert "xyz" not in out.stdout
    assert out.json[1]["to"] == ["https://hooks.example.org/..."]
    assert jobctl("alert", "list", "-o", "name").lines == ["deaths", "lagging"]


def test_no_alerts(jobctl) -> None:
    assert jobctl("alert", "list").stdout == "no alerts are declared\n"


def test_try_of_an_alert(worker, jobctl, project: Path) -> None:
    out = jobctl("alert", "test", "deaths", "-o", "json")

    assert out.exit_code == 1  # the variable of the second is not set
    first, second = out.json
    assert (first["to"], first["delivered"], first["error"]) == ("exec:tee", True, None)
    assert second["state"] == "dead"
    assert "OPS_WEBHOOK" in second["error"]
    assert json.loads((project / "told.json").read_text())["event"] == "test"
    (entry,) = jobctl("audit", "--action", "alert.test", "-o", "json").json
    assert (entry["target"], entry["count"]) == ("deaths", 2)


def test_try_without_a_worker_says_so(alerts, jobctl) -> None:
    out = jobctl("alert", "test", "deaths", "--timeout", "100ms")

    assert out.exit_code == 1
    assert out.stderr == "hint: no worker has taken it yet; `jobctl run` starts one that serves queue alerts\n"


def test_unknown_alert(alerts, jobctl) -> None:
    out = jobctl("alert", "test", "death")

    assert out.exit_code == 2
    assert out.stderr == "error[alert.unknown]: no alert `death` is declared\nhint: did you mean `deaths`?\n"
