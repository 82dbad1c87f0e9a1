"""The supervisor: real processes, most of them a fake worker that starts in 20 ms, some of them whole `jobctl run`s."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.processes import is_alive
from tests.waiting import eventually

from jobctl.spec.model import Backoff
from jobctl.testing.servers import PrivateServer
from jobctl.worker import supervisor as supervisors
from jobctl.worker.memory import rss_bytes
from jobctl.worker.supervised import Limits, Line
from jobctl.worker.supervisor import Supervisor

FAKE = Path(__file__).with_name("fake_worker.py")
DEADLINE_S = 15.0


class Stage:
    """A supervisor of fake workers, and their diary."""

    def __init__(self, folder: Path) -> None:
        self.diary = folder / "diary"
        self.supervisor: Supervisor | None = None
        self.task: asyncio.Task[int] | None = None

    def start(self, *behaviours: str, processes: int = 2, grace_s: float = 5.0, **options: Any) -> None:
        command = [sys.executable, "-S", str(FAKE), str(self.diary), *behaviours]
        self.supervisor = Supervisor(command, processes=processes, grace_s=grace_s, chance=lambda: 0.0, **options)
        self.task = asyncio.ensure_future(self.supervisor.run())

    def events(self, number: int, life: int) -> list[str]:
        """Return what a child has done: the first word of each event."""
        lines = [line.split() for line in self.lines()]
        return [words[2] for words in lines if words[:2] == [str(number), str(life)]]

    def lines(self) -> list[str]:
        return self.diary.read_text().splitlines() if self.diary.exists() else []

    def starts(self) -> dict[tuple[int, int], dict[str, str]]:
        """Return what each child was told when it started."""
        found = {}
        for line in self.lines():
            number, life, event, *rest = line.split()
            if event == "start":
                pid, scheduling = rest
                found[int(number), int(life)] = {
                    "pid": pid,
                    "scheduling": scheduling.partition("=")[2],
                }
        return found

    def pid(self, number: int, life: int = 1) -> int:
        return int(self.starts()[number, life]["pid"])

    async def until(self, number: int, life: int, event: str) -> None:
        await eventually(lambda: event in self.events(number, life))

    async def end(self) -> int:
        assert self.task is not None
        return await asyncio.wait_for(self.task, DEADLINE_S)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(supervisors, "RESTARTS", Backoff(delay_s=0.04, factor=2.0, max_s=10.0, jitter=0.5))
    made = Stage(tmp_path)
    yield made
    if made.task is not None and not made.task.done():
        monkeypatch.setattr(made.supervisor, "_patience_s", 0.0)
        made.supervisor.stop()  # type: ignore[union-attr]
        await made.end()


async def test_starts_as_many_as_asked_and_one_of_them_fires_the_schedules(stage: Stage) -> None:
    stage.start(processes=3)
    for number in (1, 2, 3):
        await stage.until(number, 1, "ready")

    starts = stage.starts()

    assert sorted(starts) == [(1, 1), (2, 1), (3, 1)]
    assert [starts[number, 1]["scheduling"] for number in (1, 2, 3)] == ["1", "0", "0"]


async def test_child_that_was_told_to_stop_is_not_replaced(stage: Stage) -> None:
    stage.start("1:dismissed")
    await stage.until(2, 1, "ready")
    await stage.until(1, 1, "ready")

    os.kill(stage.pid(2), signal.SIGKILL)
    await stage.until(2, 2, "ready")  # time in which the other would have been replaced too

    assert (1, 2) not in stage.starts()


async def test_supervisor_ends_well_when_its_last_child_was_told_to_stop(stage: Stage) -> None:
    stage.start("1:dismissed", "2:dismissed")

    assert await stage.end() == 0


async def test_killed_child_is_replaced_and_takes_its_duty_over(stage: Stage) -> None:
    stage.start()
    await stage.until(1, 1, "ready")
    await stage.until(2, 1, "ready")

    os.kill(stage.pid(1), signal.SIGKILL)

    await stage.until(1, 2, "ready")
    assert stage.starts()[1, 2]["scheduling"] == "1"
    assert stage.events(2, 1) == ["start", "ready"]
    assert (2, 2) not in stage.starts()


async def test_delay_grows_while_a_child_keeps_failing(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    stage.start("1*:fail-1")

    await eventually(lambda: (1, 4) in stage.starts())

    lines = [record for record in caplog.records if record.getMessage() == "worker process ended; starting another"]
    assert [line.failures for line in lines[:3]] == [1, 2, 3]  # type: ignore[attr-defined]
    assert [line.ended for line in lines[:3]] == ["exit code 1"] * 3  # type: ignore[attr-defined]
    assert [supervisors.retry_delay_s(supervisors.RESTARTS, n, 0.0) for n in (1, 2, 3)] == [0.02, 0.04, 0.08]
    assert stage.events(2, 1) == ["start", "ready"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_is_passed_on_and_all_is_well(stage: Stage, number: int) -> None:
    stage.start()
    await stage.until(1, 1, "ready")
    await stage.until(2, 1, "ready")

    os.kill(os.getpid(), number)

    assert await stage.end() == 0
    assert stage.events(1, 1) == stage.events(2, 1) == ["start", "ready", "term"]


async def test_second_signal_is_passed_on_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.start("1:linger", grace_s=0.5)
    monkeypatch.setattr(stage.supervisor, "_patience_s", 0.5)
    await stage.until(1, 1, "ready")
    os.kill(os.getpid(), signal.SIGTERM)
    await stage.until(1, 1, "term")

    os.kill(os.getpid(), signal.SIGTERM)

    await eventually(lambda: stage.events(1, 1).count("term") == 2)


async def test_child_that_does_not_end_is_killed_and_told_by_the_exit_code(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.start("1:hang")
    monkeypatch.setattr(stage.supervisor, "_patience_s", 0.2)
    await stage.until(1, 1, "ready")

    os.kill(os.getpid(), signal.SIGTERM)

    assert await stage.end() == 1
    assert not is_alive(stage.pid(1))


async def test_child_that_ends_badly_while_stopping_is_told_by_the_exit_code(stage: Stage) -> None:
    stage.start("2:end-badly")
    await stage.until(1, 1, "ready")
    await stage.until(2, 1, "ready")

    os.kill(os.getpid(), signal.SIGTERM)

    assert await stage.end() == 1


async def test_worker_that_gives_up_on_the_broker_ends_all_with_its_code(stage: Stage) -> None:
    stage.start("1:give-up")

    assert await stage.end() == 4
    assert "term" in stage.events(2, 1) or "ready" not in stage.events(2, 1)


@pytest.mark.parametrize("code", [2, 3])
async def test_workers_that_cannot_run_at_all_are_not_started_again(stage: Stage, code: int) -> None:
    stage.start(f"1*:fail-{code}", f"2*:fail-{code}")

    assert await stage.end() == code
    assert all(life == 1 for _, life in stage.starts())


async def test_wrong_specs_found_later_do_not_end_what_runs(stage: Stage) -> None:
    """A deployment that breaks the specs: what runs goes on, and tries again."""
    stage.start("1:late-3")

    await stage.until(1, 2, "ready")

    assert stage.events(2, 1) == ["start", "ready"]


async def test_worn_child_ends_only_when_its_successor_is_ready(stage: Stage) -> None:
    stage.start("2:wear-out")
    await stage.until(2, 1, "retire")

    lines = [line.split()[:3] for line in stage.lines() if line.startswith("2 ")]

    assert lines.index(["2", "2", "ready"]) < lines.index(["2", "1", "retire"])
    await eventually(lambda: not is_alive(stage.pid(2)))
    await stage.until(1, 1, "ready")
    assert stage.events(1, 1) == ["start", "ready"]
    assert (2, 3) not in stage.starts()


async def test_successor_of_the_scheduling_child_schedules(stage: Stage) -> None:
    stage.start("1:wear-out")

    await stage.until(1, 1, "retire")

    assert stage.starts()[1, 2]["scheduling"] == "1"


async def test_successor_that_fails_leaves_its_predecessor_serving(stage: Stage, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    stage.start("1:wear-out", f"later-fail-while={broken}", processes=1)
    await eventually(lambda: (1, 3) in stage.starts())
    assert is_alive(stage.pid(1))
    assert stage.events(1, 1) == ["start", "ready"]

    broken.unlink()

    await stage.until(1, 1, "retire")


async def test_burst_ends_when_all_are_done_and_replaces_what_crashed(stage: Stage) -> None:
    stage.start("1*:done", "2:fail-1", "2*:done", is_burst=True)

    assert await stage.end() == 0
    assert sorted(stage.starts()) == [(1, 1), (2, 1), (2, 2)]


async def test_stop_does_not_wait_for_a_delayed_start(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisors, "RESTARTS", Backoff(delay_s=60.0, factor=1.0, max_s=60.0, jitter=0.0))
    stage.start("1:fail-1")
    await stage.until(2, 1, "ready")
    await eventually(lambda: "worker process ended; starting another" in caplog.text)

    os.kill(os.getpid(), signal.SIGTERM)

    assert await stage.end() == 0


async def test_command_that_cannot_be_started_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisors, "RESTARTS", Backoff(delay_s=0.01, factor=1.0, max_s=0.01, jitter=0.0))
    supervisor = Supervisor([str(tmp_path / "nothing")], processes=1, grace_s=1.0)
    task = asyncio.ensure_future(supervisor.run())
    await eventually(lambda: caplog.text.count("a worker process cannot be started") >= 2)

    supervisor.stop()

    assert await asyncio.wait_for(task, DEADLINE_S) == 0


def test_limits_say_which_was_reached() -> None:
    limits = Limits(jobs=100, memory=512 * 2**20)

    assert limits.reached(99, lambda: 0) is None
    assert limits.reached(100, lambda: 0) == "100 jobs"
    assert limits.reached(0, lambda: 600 * 2**20) == "600 MiB"
    assert Limits().reached(10**9) is None


def test_memory_of_this_process_is_known() -> None:
    assert 10 * 2**20 < rss_bytes() < 10 * 2**30
    assert rss_bytes(os.getpid()) > 10 * 2**20
    with pytest.raises(ProcessLookupError):
        rss_bytes(2**22 + 1)


def test_line_is_taken_out_of_the_environment() -> None:
    """What a worker starts must not take itself for the supervisor's child."""
    ours, theirs = socket.socketpair()
    variables = {"JOBCTL_CHILD": f"3:{theirs.detach()}:1", "HOME": "/"}

    line = Line.take(variables)

    assert variables == {"HOME": "/"}
    assert line is not None
    assert (line.number, line.is_scheduling) == (3, True)
    line.say("ready")
    assert ours.recv(100) == b"ready\n"
    assert Line.take({}) is None
    ours.close()


SPEC = """
version: 1
defaults: {retries: 0}
jobs:
  nap: {handler: "supervised_app:nap", payload: {ms: int}}
"""
HANDLERS = """
import asyncio, os, pathlib

async def nap(ctx, ms):
    pathlib.Path("napping").touch()
    await asyncio.sleep(ms / 1000)
    return os.getpid()
"""


class Program:
    """A whole `jobctl run` under a supervisor."""

    def __init__(self, folder: Path, url: str) -> None:
        (folder / "jobs.yaml").write_text(SPEC)
        (folder / "supervised_app.py").write_text(HANDLERS)
        self.folder = folder
        self.env = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(folder)]), "REDIS_URL": url}
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "jobctl_cli", "run", "--spec", str(self.folder / "jobs.yaml"), *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=self.env, stderr=log, cwd=self.folder)
        return self.process

    def lines(self, message: str, **facts: Any) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [one for one in found if one["message"] == message and facts.items() <= one.items()]

    async def until(self, message: str, count: int = 1, **facts: Any) -> list[dict[str, Any]]:
        await eventually(lambda: len(self.lines(message, **facts)) >= count)
        return self.lines(message, **facts)


@pytest.fixture
def program(tmp_path: Path, redis_url: str) -> Iterator[Program]:
    made = Program(tmp_path, redis_url)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.fixture
async def nap(program: Program) -> Callable[..., Any]:
    from jobctl import Client, load_plan

    async def enqueue(count: int, ms: int) -> list[str]:
        async with Client(load_plan(program.folder / "jobs.yaml"), program.env["REDIS_URL"]) as client:
            return [(await client.enqueue("nap", ms=ms)).key for _ in range(count)]

    return enqueue


async def test_workers_serve_are_replaced_with_hand_over_and_stop(program: Program, nap: Any, shop: Any) -> None:
    process = program.start("--processes", "2", "--max-jobs", "10")
    await program.until("worker started", 2)
    assert {line["child"] for line in program.lines("worker started")} == {1, 2}
    found = await nap(40, 2)

    results = {(await shop.until(key, "complete"))["result"] for key in found}

    replaced = (await program.until("worker process replaced"))[0]
    assert replaced["ended"] == "exit code 0"
    assert replaced["child_pid"] in results
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
    assert program.lines("worker process ended badly") == []


async def test_workers_end_with_a_supervisor_that_is_killed(program: Program, nap: Any, shop: Any) -> None:
    process = program.start("--processes", "2")
    await program.until("worker started", 2)
    pids = [line["child_pid"] for line in program.lines("worker process started")]
    (key,) = await nap(1, 700)
    await eventually((program.folder / "napping").exists)

    process.kill()
    process.wait()

    await eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert (await shop.record(key))["status"] == "complete"  # they have ended in order


async def test_first_worker_that_finds_its_handlers_missing_ends_it_all(program: Program) -> None:
    process = program.start("--processes", "2")
    (program.folder / "supervised_app.py").write_text("")

    assert await asyncio.to_thread(process.wait, DEADLINE_S) == 3
    assert "supervised_app:nap" in program.log.read_text()


async def test_broker_that_stays_away_ends_it_all_with_exit_code_4(program: Program, tmp_path: Path) -> None:
    with PrivateServer(tmp_path / "server", appendonly=False) as server:
        program.env |= {"REDIS_URL": server.url, "JOBCTL_PATIENCE": "300ms"}
        process = program.start("--processes", "2")
        await program.until("worker started", 2)

        server.kill()

        assert await asyncio.to_thread(process.wait, DEADLINE_S) == 4
    assert program.lines("worker process cannot go on; stopping all")


async def test_worker_that_dies_while_the_broker_is_away_is_replaced_and_waits(
    program: Program, tmp_path: Path
) -> None:
    with PrivateServer(tmp_path / "server", appendonly=False) as server:
        program.env |= {"REDIS_URL": server.url}
        process = program.start("--processes", "1")
        await program.until("worker started")
        server.kill()

        os.kill(program.lines("worker process started")[0]["child_pid"], signal.SIGKILL)

        await program.until("worker started", 2)
        await program.until("the broker cannot be used; trying again")
        server.start()
        await program.until("the broker is back")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, DEADLINE_S) == 0


async def test_burst_with_processes_ends_when_nothing_is_due(program: Program, nap: Any, shop: Any) -> None:
    found = await nap(20, 1)

    process = program.start("--burst", "--processes", "2")

    assert await asyncio.to_thread(process.wait, DEADLINE_S) == 0
    for key in found:
        assert (await shop.record(key))["status"] == "complete"


def test_supervisor_needs_neither_saq_nor_redis() -> None:
    code = "import sys, jobctl.worker.supervisor; print(sorted({'saq', 'redis', 'uvloop'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"


async def test_time_is_not_needed_to_stop_idle_workers(program: Program) -> None:
    process = program.start("--processes", "2")
    await program.until("worker started", 2)

    began = time.monotonic()
    process.send_signal(signal.SIGINT)

    assert await asyncio.to_thread(process.wait, DEADLINE_S) == 0
    assert time.monotonic() - began < 5
