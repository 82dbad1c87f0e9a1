"""The watch: a changed spec is applied, a broken one refused, and nothing else happens."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from jobctl.broker.connect import connect
from jobctl.client import Client
from jobctl.compiler import bind, check, compile_spec
from jobctl.errors import JobctlError
from jobctl.spec import SpecErrors
from jobctl.worker.process import resolve_hooks
from jobctl.worker.watch import Prepared, Watch
from jobctl.worker.worker import Worker

SPEC = "version: 1\njobs:\n  one: {handler: 'watched_app:one'}\n"
APP = "async def one(ctx):\n    return 1\n"
_ages = count(1)


class Stage:
    """A spec, its handlers, a worker and a watch that looks when told to."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.refused: list[JobctlError] = []
        self.write("spec/jobs.yaml", SPEC)
        self.write("watched_app.py", APP)
        prepared = self.read()
        self.worker = Worker.for_plan(
            prepared.plan, prepared.handlers, url=url, hooks=prepared.hooks, concurrency=5, grace_s=5
        )
        self.watch = Watch(folder / "spec", prepared.plan, self.read, on_refused=self.refused.append)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        age = next(_ages)  # whole seconds apart: Python's own cache of modules knows no finer times
        os.utime(path, (1_700_000_000 + age, 1_700_000_000 + age))

    def read(self) -> Prepared:
        spec, problems = check(self.folder / "spec")
        if problems:
            raise SpecErrors(problems)
        plan = compile_spec(spec)
        return Prepared(plan=plan, handlers=bind(plan), hooks=resolve_hooks(plan))

    async def look(self) -> bool:
        """Look until what was found has settled."""
        await self.watch.look(self.worker)
        return await self.watch.look(self.worker)

    async def result(self, job: str) -> Any:
        plan = self.worker.duties.plan  # type: ignore[union-attr]
        async with Client(plan, self.url) as client:
            enqueued = await client.enqueue(job)
            return (await client.wait(enqueued.key, timeout=20)).result


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield Stage(tmp_path, redis_url)
    sys.modules.pop("watched_app", None)
    sys.modules.pop("second_app", None)


@pytest.fixture
async def running(stage: Stage):
    task = asyncio.ensure_future(stage.worker.run())
    await asyncio.wait_for(stage.worker.started.wait(), 10)
    yield stage
    await stage.worker.stop()
    assert await asyncio.wait_for(task, 20) == 0


async def test_unchanged_spec_is_left_alone(stage: Stage) -> None:
    assert await stage.look() is False
    assert await stage.look() is False


async def test_change_counts_when_it_has_settled(running: Stage) -> None:
    running.write("spec/jobs.yaml", SPEC + "  two: {handler: 'watched_app:one'}\n")

    assert await running.watch.look(running.worker) is False
    running.write("spec/jobs.yaml", SPEC + "  three: {handler: 'watched_app:one'}\n")
    assert await running.watch.look(running.worker) is False
    assert await running.watch.look(running.worker) is True

    assert await running.result("three") == 1


async def test_new_file_of_the_folder_is_applied(running: Stage) -> None:
    running.write("spec/more.yaml", "version: 1\njobs: {two: {handler: 'second_app:two'}}\n")
    running.write("second_app.py", "def two(ctx):\n    return 2\n")

    assert await running.look() is True

    assert await running.result("two") == 2
    assert await running.result("one") == 1


async def test_broken_spec_is_refused_with_its_diagnostics_and_the_old_one_stays(
    running: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    running.write("spec/jobs.yaml", SPEC + "  two: {handler: 'watched_app:none', retries: -1}\n")

    with caplog.at_level(logging.ERROR, "jobctl.worker.watch"):
        assert await running.look() is False

    (error,) = running.refused
    assert isinstance(error, SpecErrors)
    assert {one.code for one in error.diagnostics} == {"spec.out-of-range", "spec.handler-not-found"}
    (record,) = caplog.records
    assert "jobs.yaml:4" in record.problems
    assert await running.result("one") == 1
    assert await running.look() is False
    assert len(running.refused) == 1


async def test_mended_spec_is_applied(running: Stage) -> None:
    running.write("spec/jobs.yaml", "version: 1\njobs: {")
    await running.look()
    running.write("spec/jobs.yaml", SPEC + "  two: {handler: 'watched_app:one'}\n")

    assert await running.look() is True

    assert await running.result("two") == 1


async def test_type_that_goes_is_warned_of(running: Stage, caplog: pytest.LogCaptureFixture) -> None:
    running.write("spec/jobs.yaml", SPEC.replace("one:", "two:"))

    with caplog.at_level(logging.WARNING, "jobctl.worker.watch"):
        assert await running.look() is True

    (record,) = caplog.records
    assert record.types == "one"


async def test_comment_changes_nothing(running: Stage) -> None:
    running.write("spec/jobs.yaml", "# a comment\n" + SPEC)

    assert await running.look() is False
    assert running.refused == []


async def test_changed_handler_is_loaded_again(running: Stage) -> None:
    assert await running.result("one") == 1
    running.write("watched_app.py", "async def one(ctx):\n    return 'changed'\n")

    assert await running.look() is True

    assert await running.result("one") == "changed"


async def test_handler_that_cannot_be_loaded_again_keeps_the_old_one(running: Stage) -> None:
    running.write("watched_app.py", "async def one(ctx) return 3\n")

    assert await running.look() is False

    assert [error.code for error in running.refused] == ["spec.handler-import"]
    assert await running.result("one") == 1


async def test_spec_that_goes_away_is_refused(running: Stage) -> None:
    (running.folder / "spec/jobs.yaml").unlink()

    assert await running.look() is False

    assert len(running.refused) == 1
    assert await running.result("one") == 1


async def test_other_queues_are_applied(running: Stage, caplog: pytest.LogCaptureFixture) -> None:
    running.write(
        "spec/jobs.yaml",
        "version: 1\nqueues: {fast: 3, default: 1}\njobs:\n  one: {handler: 'watched_app:one', queue: fast}\n",
    )

    with caplog.at_level(logging.INFO, "jobctl.worker.watch"):
        assert await running.look() is True

    assert await running.result("one") == 1
    assert "spec applied; beginning anew" in caplog.text


async def test_watch_runs_beside_the_worker_and_ends_with_it(stage: Stage) -> None:
    stage.watch._period_s = 0.005
    stage.worker.beside = stage.watch.run
    task = asyncio.ensure_future(stage.worker.run())
    await asyncio.wait_for(stage.worker.started.wait(), 10)

    stage.write("spec/jobs.yaml", SPEC + "  two: {handler: 'watched_app:one'}\n")
    async with asyncio.timeout(20):
        while "two" not in stage.worker.duties.plan.by_name:  # type: ignore[union-attr]
            await asyncio.sleep(0.005)

    assert await stage.result("two") == 1
    await stage.worker.stop()
    assert await asyncio.wait_for(task, 20) == 0
    async with connect(stage.url) as redis:
        assert await redis.ping()
