"""Jobs with `isolation: process`: real children, killed and crashed for real."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from tests.processes import is_alive

from jobctl.broker import keys
from jobctl.broker.record import read_wire
from jobctl.compiler.plan import Registration
from jobctl.spec.model import Hooks, Isolation
from jobctl.worker.context import Context
from jobctl.worker.hooks import Failure, WorkerHooks
from jobctl.worker.isolation.failures import HandlerRaised, ProcessNotStarted
from jobctl.worker.isolation.pool import ProcessPool
from jobctl.worker.isolation.process import describe_exit

HERE = Path(__file__).parent


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which handlers leave notes."""
    monkeypatch.setenv("ISOLATED_NOTES", str(tmp_path))
    return tmp_path


@pytest.fixture
def isolated(shop: Any, notes: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A workshop whose `isolate` declares a job of `isolated_app`."""
    monkeypatch.syspath_prepend(str(HERE))
    import isolated_app

    def isolate(name: str, **options: Any) -> None:
        function = getattr(isolated_app, name)
        options = {"handler": f"isolated_app:{name}", "isolation": Isolation.PROCESS, "name": name, **options}
        shop.job(function, **options)

    shop.isolate = isolate
    return shop


def with_hooks(shop: Any, **hooks: str) -> None:
    plain = shop.plan
    shop.plan = lambda: replace(plain(), hooks=Hooks(**{name: f"isolated_app:{path}" for name, path in hooks.items()}))


def noted(notes: Path, name: str) -> Callable[[], bool]:
    return (notes / name).exists


async def error_of(shop: Any, name: str, status: str = "failed") -> str:
    """Run a job without retries, and return what its record says went wrong."""
    shop.isolate(name, retries=0)
    key = await shop.enqueue(name)
    await shop.burst()
    record = await shop.record(key)
    assert record["status"] == status
    return str(record["error"])


@pytest.mark.parametrize("name", ["add", "add_async"])
async def test_job_runs_in_another_process_and_its_result_is_stored(isolated: Any, name: str) -> None:
    isolated.isolate(name)
    key = await isolated.enqueue(name, {"a": 2, "b": 3})

    await isolated.burst()

    record = await isolated.record(key)
    assert record["status"] == "complete"
    assert record["result"]["sum"] == 5
    assert record["result"]["pid"] != os.getpid()


async def test_child_stays_warm_from_job_to_job(isolated: Any) -> None:
    isolated.isolate("add")
    found = await isolated.enqueue_many([("add", {"a": i, "b": 0}, {}) for i in range(20)])

    await isolated.burst(concurrency=1)

    results = [(await isolated.record(key))["result"] for key in found]
    assert [result["sum"] for result in results] == list(range(20))
    assert [result["key"] for result in results] == found
    assert len({result["pid"] for result in results}) == 1


async def test_jobs_run_side_by_side_in_as_many_children(isolated: Any, notes: Path) -> None:
    isolated.isolate("talks")
    found = [await isolated.enqueue("talks") for _ in range(3)]
    isolated.start(concurrency=3)
    for key in found:
        await isolated.until(key, "active")
    await isolated.eventually(noted(notes, "running"))

    (notes / "go").touch()

    for key in found:
        await isolated.until(key, "complete")


async def test_handler_may_run_a_loop_of_its_own(isolated: Any) -> None:
    isolated.isolate("own_loop")
    key = await isolated.enqueue("own_loop")

    await isolated.burst()

    assert (await isolated.record(key))["result"] == 7


async def test_hooks_run_once_in_each_child_and_fill_its_state(isolated: Any, notes: Path) -> None:
    isolated.isolate("state_of")
    with_hooks(isolated, startup="startup", shutdown="shutdown")
    found = [await isolated.enqueue("state_of") for _ in range(3)]

    await isolated.burst(concurrency=1)

    for key in found:
        started_in, ran_in = (await isolated.record(key))["result"]
        assert started_in == ran_in != os.getpid()
    assert (notes / f"shutdown-{started_in}").exists()


async def test_failure_carries_the_traceback_of_the_child(isolated: Any) -> None:
    failures: list[Failure] = []
    isolated.hooks = WorkerHooks(error=lambda ctx, failure: failures.append(failure))
    isolated.isolate("raises", retries=0)
    key = await isolated.enqueue("raises")

    await isolated.burst()

    record = await isolated.record(key)
    assert record["error"].startswith("Traceback (most recent call last)")
    assert record["error"].endswith("ValueError: a pixel too many")
    assert "isolation/callee" not in record["error"]
    assert json.loads(await isolated.redis.lindex(keys.FAILURES, 0))["error"] == "ValueError: a pixel too many"
    (failure,) = failures
    assert isinstance(failure.error, HandlerRaised)
    assert failure.error.name == "ValueError"


async def test_outcomes_mean_the_same_as_without_isolation(isolated: Any) -> None:
    assert await error_of(isolated, "gives_up") == "the tenant does not exist"
    assert await error_of(isolated, "cancels", "aborted") == "nothing to do"
    assert "SystemExit: 3" in await error_of(isolated, "exits_politely")
    assert "the result is not JSON" in await error_of(isolated, "odd")


async def test_retry_after_waits_as_long_as_the_handler_asked(isolated: Any) -> None:
    isolated.isolate("later")
    key = await isolated.enqueue("later")

    await isolated.burst()

    assert await isolated.index("retrying") == [key]
    assert (await isolated.record(key))["error"] == "rate limited"


async def test_invalid_payload_is_dead_and_needs_no_child(isolated: Any) -> None:
    isolated.isolate("add", retries=5)
    key = await isolated.enqueue("add", {"a": "x"})

    await isolated.burst()

    record = await isolated.record(key)
    assert (record["status"], record["attempts"]) == ("failed", 1)
    assert "`b`" in record["error"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("segfault", "its process was killed by SIGSEGV"),
        ("vanish", "its process ended with exit code 7 before the job did"),
        ("out_of_memory", "its process was killed by SIGKILL, most likely because the memory ran out"),
    ],
)
async def test_crash_of_the_child_fails_the_attempt_with_its_reason_and_costs_no_other_job(
    isolated: Any, name: str, reason: str
) -> None:
    isolated.isolate(name, retries=1)
    isolated.isolate("add")
    key = await isolated.enqueue(name)
    isolated.start(concurrency=2)

    record = await isolated.until(key, "failed")

    assert record["error"] == reason
    assert [entry["outcome"] for entry in record["meta"]["jobctl"]["history"]] == ["retry", "dead"]
    other = await isolated.enqueue("add", {"a": 1, "b": 1})
    assert (await isolated.until(other, "complete"))["attempts"] == 1


@pytest.mark.parametrize("name", ["sleepy", "sleepy_async"])
async def test_timeout_kills_the_child_after_its_finally_blocks(isolated: Any, notes: Path, name: str) -> None:
    isolated.isolate(name, retries=0, timeout_s=0.3)
    isolated.isolate("add")
    key = await isolated.enqueue(name)
    isolated.start(concurrency=1)

    record = await isolated.until(key, "failed")

    assert record["error"] == "timed out after 300ms"
    assert (notes / "cleaned").exists()
    assert not is_alive(int((notes / "running").read_text()))
    other = await isolated.enqueue("add", {"a": 1, "b": 1})
    assert (await isolated.until(other, "complete"))["result"]["sum"] == 2


@pytest.mark.parametrize("name", ["stubborn", "holds_interpreter"])
async def test_timeout_kills_what_ignores_sigterm(
    isolated: Any, notes: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobctl.worker.isolation.pool.KILL_AFTER_S", 0.2)
    isolated.isolate(name, retries=0, timeout_s=0.3)
    key = await isolated.enqueue(name)

    began = time.monotonic()
    await isolated.burst()

    assert time.monotonic() - began < 5
    assert (await isolated.record(key))["error"] == "timed out after 300ms"


async def test_timeout_kills_what_the_handler_has_started(isolated: Any, notes: Path) -> None:
    isolated.isolate("has_child", retries=0, timeout_s=0.5)
    await isolated.enqueue("has_child")

    await isolated.burst()

    grandchild = int((notes / "running").read_text())
    await isolated.eventually(lambda: not is_alive(grandchild))


async def test_crash_leaves_nothing_of_what_the_handler_has_forked(isolated: Any, notes: Path) -> None:
    assert await error_of(isolated, "forks_and_vanishes") == "its process ended with exit code 7 before the job did"

    forked = int((notes / "running").read_text())
    await isolated.eventually(lambda: not is_alive(forked))


async def test_silent_job_is_killed_and_one_that_beats_is_not(isolated: Any, notes: Path) -> None:
    isolated.isolate("sleepy", retries=0, heartbeat_s=1)
    isolated.isolate("beats", heartbeat_s=1)
    silent, loud = await isolated.enqueue("sleepy"), await isolated.enqueue("beats")

    await isolated.burst()

    assert (await isolated.record(silent))["error"] == "no heartbeat for 1s"
    assert (await isolated.record(loud))["result"] == "still here"


async def test_progress_and_log_lines_are_the_workers(
    isolated: Any, notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    isolated.isolate("talks")
    key = await isolated.enqueue("talks")
    worker = isolated.start()

    async def progress() -> Any:
        report = await isolated.redis.get(keys.worker(worker.id))
        running = json.loads(report)["running"] if report else []
        return [run["progress"] for run in running]

    await isolated.eventually(noted(notes, "running"))
    deadline = time.monotonic() + 10
    while await progress() != [0.5]:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    (notes / "go").touch()
    await isolated.until(key, "complete")

    lines = {record.getMessage(): record for record in caplog.records}
    half_way, left_out = lines["half way"], lines["left out"]
    assert (half_way.key, half_way.type, half_way.pixels) == (key, "talks", 12)  # type: ignore[attr-defined]
    assert (left_out.name, left_out.levelname) == ("shop.images", "WARNING")
    assert "KeyError: 'colour'" in (left_out.exc_text or "")
    assert "too much to tell" not in lines


async def test_cancel_kills_the_child(isolated: Any, notes: Path) -> None:
    isolated.isolate("sleepy")
    key = await isolated.enqueue("sleepy")
    isolated.start()
    await isolated.eventually(noted(notes, "running"))

    await isolated.redis.hset(keys.QueueKeys("default").cancels, keys.job_id("default", key), "by the operator")
    await isolated.redis.publish(keys.WAKE, "default")

    record = await isolated.until(key, "aborted")
    assert record["error"] == "by the operator"
    assert not is_alive(int((notes / "running").read_text()))


async def test_shutdown_kills_the_child_and_hands_its_job_back(isolated: Any, notes: Path) -> None:
    isolated.isolate("stubborn")
    key = await isolated.enqueue("stubborn")
    worker = isolated.start(grace_s=0.05)
    await isolated.eventually(noted(notes, "running"))

    await worker.stop()
    await asyncio.wait_for(isolated.workers[0], 10)

    assert await isolated.index("queued") == [key]
    assert (await isolated.record(key)).get("attempts", 0) == 0
    assert not is_alive(int((notes / "running").read_text()))


async def test_no_child_outlives_its_worker(isolated: Any) -> None:
    isolated.isolate("add")
    found = [await isolated.enqueue("add", {"a": i, "b": 0}) for i in range(8)]

    await isolated.burst(concurrency=4)

    for key in found:
        assert not is_alive((await isolated.record(key))["result"]["pid"])


async def test_child_dies_with_a_worker_that_is_killed(isolated: Any, notes: Path, tmp_path: Path) -> None:
    """A whole `jobctl run`, so also the children's life under uvloop."""
    (tmp_path / "jobs.yaml").write_text("""
version: 1
jobs:
  stubborn: {handler: "isolated_app:stubborn", isolation: process}
""")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "REDIS_URL": isolated.url}
    command = [sys.executable, "-m", "jobctl_cli", "run", "--spec", str(tmp_path / "jobs.yaml")]
    isolated.isolate("stubborn")
    await isolated.enqueue("stubborn")
    worker = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        await isolated.eventually(noted(notes, "running"))
        child = int((notes / "running").read_text())
        assert is_alive(child)
    finally:
        worker.kill()
        worker.wait()

    await isolated.eventually(lambda: not is_alive(child), 5)


def test_loop_that_ends_in_the_middle_of_a_job_waits_for_nothing_and_leaves_no_child(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the worker itself fails: everything is cancelled at once, in no order."""
    monkeypatch.syspath_prepend(str(HERE))
    job = Registration(
        **{
            **{one.name: () for one in fields(Registration)},
            "name": "stubborn",
            "type": "stubborn",
            "handler": "isolated_app:stubborn",
        }
    )
    raw = b'{"function": "stubborn", "key": "k", "queue": "default"}'

    async def fail_while_it_runs() -> None:
        pool = ProcessPool([job], Hooks(), 1, lambda: False)
        await pool.open()
        context = Context(read_wire(raw), name="stubborn", state={})
        running = asyncio.ensure_future(pool.run(context, raw=raw, timeout_s=0, heartbeat_s=0))
        while not (notes / "running").exists():
            await asyncio.sleep(0.005)
        raise RuntimeError(f"unrelated to {running}")

    began = time.monotonic()
    with pytest.raises(RuntimeError, match="unrelated"):
        asyncio.run(fail_while_it_runs())

    assert time.monotonic() - began < 5
    child = int((notes / "running").read_text())
    while is_alive(child) and time.monotonic() - began < 15:
        time.sleep(0.01)  # the kernel has its own pace in ending a process
    assert not is_alive(child)


async def test_time_of_the_first_start_is_not_the_jobs(isolated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobctl.worker.isolation.process import ChildProcess

    start = ChildProcess.start

    async def slow(setup: bytes) -> ChildProcess:
        await asyncio.sleep(0.4)
        return await start(setup)

    monkeypatch.setattr(ChildProcess, "start", slow)
    isolated.isolate("add", timeout_s=0.3, retries=0)
    found = [await isolated.enqueue("add", {"a": i, "b": 0}) for i in range(3)]

    await isolated.burst(concurrency=3)

    assert [(await isolated.record(key))["status"] for key in found] == ["complete"] * 3


async def test_worker_does_not_start_when_its_children_cannot(isolated: Any) -> None:
    isolated.isolate("add")
    with_hooks(isolated, startup="broken_startup")
    worker = isolated.worker()

    with pytest.raises(ProcessNotStarted, match="ConnectionError: no database here"):
        await worker.run()


def test_exit_is_told_in_words() -> None:
    assert describe_exit(-signal.SIGSEGV) == "its process was killed by SIGSEGV"
    assert describe_exit(-250) == "its process was killed by signal 250"
    assert describe_exit(3) == "its process ended with exit code 3 before the job did"


def test_child_needs_neither_saq_nor_redis() -> None:
    """They would cost each child some 25 MiB."""
    code = "import sys, jobctl.worker.isolation.child as c; print(sorted({'saq', 'redis'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "[]"
