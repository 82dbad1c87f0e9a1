"""One spec, run by our worker and by stock SAQ's, in this process and in others."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from saq import Job
from saq import Worker as SaqWorker
from saq.queue.redis import RedisQueue
from tests.waiting import eventually

from jobctl import Client, load_plan
from jobctl.compiler.handlers import bind
from jobctl.worker.worker import Worker

SPEC = """
version: 1
queues: {critical: 6, default: 3}
jobs:
  add:
    type: sums:add
    handler: interop_app:add
    payload: {a: int, b: int}
  plain:
    handler: interop_app:plain
    payload: {n: int}
  flaky:
    handler: interop_app:flaky
    retries: 2
    backoff: {delay: 10ms}
  note:
    handler: interop_app:note
    payload: {n: int}
  urgent:
    handler: interop_app:urgent
    queue: critical
"""

APP = """
import os
import redis.asyncio
from jobctl import saq_settings

async def add(ctx, a, b):
    return {"sum": a + b, "key": ctx.key, "attempt": ctx.attempt, "name": ctx.name}

def plain(ctx, n):
    return n * 2

async def flaky(ctx):
    if not ctx.is_last_attempt:
        raise RuntimeError(f"no luck {ctx.attempt}")
    return ctx.attempt

async def note(ctx, n):
    server = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])
    await server.rpush("notes", f"{n}:{os.getpid()}")
    await server.aclose()

async def urgent(ctx):
    return "done"

def settings():
    return saq_settings(os.environ["INTEROP_SPEC"])
"""


class Fleet:
    """Starts workers of both kinds on one broker, and ends them all."""

    eventually = staticmethod(eventually)

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.spec = folder / "spec.yaml"
        self.plan = load_plan(self.spec)
        self.server = redis.asyncio.Redis.from_url(url)
        self.env = {
            **os.environ,
            "REDIS_URL": url,
            "INTEROP_SPEC": str(self.spec),
            "PYTHONPATH": str(folder),
        }
        self._queues: list[RedisQueue] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._stops: list[Callable[[], Any]] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def stock_queue(self, name: str = "default") -> RedisQueue:
        queue = RedisQueue(redis.asyncio.Redis.from_url(self.url), name=name)
        self._queues.append(queue)
        return queue

    def client(self) -> Client:
        return Client(self.plan, self.url)

    def start_ours(self, **options: Any) -> Worker:
        options = {"concurrency": 4, "grace_s": 2.0, "run_scheduler": False, **options}
        return self.serve(Worker.for_plan(self.plan, bind(self.plan), url=self.url, **options))

    def start_stock(self, functions: list[Any], **options: Any) -> SaqWorker[Any]:
        return self.serve(SaqWorker(self.stock_queue(), functions, **{"dequeue_timeout": 2, **options}))

    def serve(self, worker: Any) -> Any:
        self._tasks.append(asyncio.ensure_future(worker.start()))
        self._stops.append(worker.stop)
        return worker

    async def first_sweep(self, queue: str = "default") -> None:
        """Wait until a stock worker has swept, as it does at its start: it takes a job just claimed for a stuck one."""

        async def swept() -> bool:
            return bool(await self.server.exists(f"saq:{queue}:sweep"))

        await self.eventually(swept)

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", "saq", "interop_app.settings", *args]

    def start_saq_command(self) -> subprocess.Popen[bytes]:
        """Start `saq interop_app.settings` in a process of its own."""
        process = subprocess.Popen(self.command(), env=self.env, cwd=self.folder)
        self._processes.append(process)
        return process

    async def record(self, job: Job | str) -> dict[str, Any]:
        raw = await self.server.get(job if isinstance(job, str) else job.id)
        return json.loads(raw) if raw else {}

    async def until(self, job: Job, status: str) -> dict[str, Any]:
        """Wait until a job's record has a status; return it."""

        async def reached() -> bool:
            return (await self.record(job)).get("status") == status

        await self.eventually(reached)
        return await self.record(job)

    async def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        for stop in self._stops:
            await stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for queue in self._queues:
            await queue.disconnect()
        await self.server.aclose()


@pytest.fixture
async def fleet(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fleet]:
    """A fleet on an empty database."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "interop_app.py").write_text(APP)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("REDIS_URL", redis_url)
    made = Fleet(redis_url, tmp_path)
    yield made
    await made.close()
    sys.modules.pop("interop_app", None)
