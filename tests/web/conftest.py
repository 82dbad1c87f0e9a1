"""The console in-process, over a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.web.browser import PASSWORD, TOKEN, Browser

from jobctl.broker.connect import connect
from jobctl.client import Client
from jobctl.compiler import load_plan
from jobctl.compiler.handlers import Handler
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan
from jobctl.outcomes import Dead
from jobctl.worker import Worker
from jobctl_web.app import Web
from jobctl_web.config import WebConfig, read_config
from jobctl_web.console import Console
from jobctl_web.passwords import hash_password

SPEC = """\
version: 1
queues: {critical: 6, default: 3}
jobs:
  greet:
    summary: Say hello
    handler: app:greet
    queue: critical
    payload:
      name: {type: string, help: Whom to greet}
      times: {type: int, default: 1, min: 1, max: 5}
      token: {type: string, required: false, secret: true}
      deep: {type: object, required: false, fields: {pin: {type: string, secret: true}, to: string}}
  boom:
    type: boom:now
    handler: app:boom
    retries: 0
    cron: "0 2 * * *"
    payload:
      id: {type: int, default: 0}
      token: {type: string, required: false, secret: true}
  sync:
    handler: app:sync
    unique: {by: [id], for: 1h}
    payload: {id: int}
"""


async def greet(ctx: Any, name: str, times: int, token: str | None = None, deep: Any = None) -> dict[str, Any]:
    ctx.log.warning("greeting %s with %s", name, token)
    return {"said": f"hello {name} " * times, "with": token}


async def boom(ctx: Any, id: int, token: str | None = None) -> None:
    raise Dead(f"no order {id}, asked with {token}")


async def sync(ctx: Any, id: int) -> None:
    raise Dead(f"tenant {id} is out of order")


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    path: Path = tmp_path_factory.mktemp("web") / "jobs.yaml"
    path.write_text(SPEC)
    return load_plan(str(path))


@pytest.fixture(scope="session")
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture
def guarded(password_hash: str) -> WebConfig:
    """A configuration with a viewer, an operator, an admin, and a token."""
    users = [f"{name}:{role}:{password_hash}" for name, role in
             (("vera", "viewer"), ("otto", "operator"), ("ada", "admin"))]  # fmt: skip
    return read_config({"JOBCTL_WEB_USERS": " ".join(users), "JOBCTL_WEB_TOKENS": f"ci:operator:{TOKEN}"})


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with connect(redis_url) as client:
        yield client


@pytest.fixture
async def client(redis: Redis, plan: Plan) -> Client:
    return Client(plan, redis=redis)


@pytest.fixture
def work(redis_url: str, plan: Plan) -> Callable[[], Awaitable[None]]:
    """A function that runs a worker until nothing is due."""

    async def burst() -> None:
        functions = {"greet": greet, "boom": boom, "sync": sync}
        handlers = {
            job.type: Handler(
                type=job.type,
                function=functions[name],
                is_async=True,
                registration=job,
                schema=PayloadSchema(name, job.payload),
            )
            for name, job in plan.by_name.items()
        }
        worker = Worker.for_plan(plan, handlers, url=redis_url, burst=True, run_scheduler=False, concurrency=5)
        async with asyncio.timeout(20):
            await worker.run()

    return burst


@pytest.fixture
def open_web(redis: Redis, plan: Plan) -> Callable[..., Web]:
    """A function that makes a console, by default one without logins."""

    def make(config: WebConfig | None = None, *, with_plan: bool = True) -> Web:
        return Web(Console(redis, plan if with_plan else None, config or WebConfig()))

    return make


@pytest.fixture
def browser(open_web: Callable[..., Web]) -> Browser:
    """A browser before a console without logins."""
    return Browser(open_web())


@pytest.fixture
def until() -> Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]:
    """A function that waits until something is so, ten seconds at most."""

    async def wait(is_so: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(10):
            while not await is_so():
                await asyncio.sleep(0.02)

    return wait
