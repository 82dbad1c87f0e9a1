"""Destinations on loopback that keep what they are sent, and plans that declare alerts."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from jobctl.broker.connect import connect
from jobctl.client import Client
from jobctl.compiler import bind, load_plan
from jobctl.compiler.plan import Plan
from jobctl.worker import Worker

HANDLERS = """\
async def fine(ctx):
    pass

async def bad(ctx, n):
    raise ValueError(f"no {n % 2}")

async def leak(ctx, token):
    raise ValueError(f"refused: {token}")
"""
SPEC = """\
version: 1
queues: {critical: 2, default: 1}
defaults: {retries: 0}
jobs:
  fine: {handler: "alerts_app:fine", cron: "@hourly"}
  bad: {handler: "alerts_app:bad", payload: {n: int}}
  worse: {handler: "alerts_app:bad", queue: critical, payload: {n: int}}
  leak: {handler: "alerts_app:leak", payload: {token: {type: string, secret: true}}}
"""


class Hook:
    """A webhook. ``answers`` are given in their order, then 200."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.asked = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.asked.set()
                hook.hold.wait(20)
                status, headers = hook.answers.pop(0) if hook.answers else (200, {})
                if status == 200:
                    hook.bodies.append(json.loads(body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"said the hook")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/SECRET"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(body["alert"]["alert"], body["alert"]["event"]) for body in self.bodies]


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()
    yield found
    found.hold.set()
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Plan]]:
    """A function from the `alerts` of a spec to its plan."""
    (tmp_path / "alerts_app.py").write_text(HANDLERS)
    monkeypatch.syspath_prepend(tmp_path)

    def make(alerts: str) -> Plan:
        (tmp_path / "spec.yaml").write_text(f"{SPEC}alerts:\n  {alerts}\n")
        return load_plan(tmp_path / "spec.yaml")

    yield make
    sys.modules.pop("alerts_app", None)


@pytest.fixture
async def broker(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def client(broker: Redis) -> Callable[[Plan], Client]:
    return lambda plan: Client(plan, redis=broker)


@pytest.fixture
def work(redis_url: str) -> Callable[[Plan], Any]:
    """A function that runs a worker until nothing is due."""

    async def burst(plan: Plan) -> None:
        worker = Worker.for_plan(plan, bind(plan), url=redis_url, burst=True)
        async with asyncio.timeout(20):
            await worker.run()

    return burst
