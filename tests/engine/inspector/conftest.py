"""A broker in any state one likes: jobs are put straight into the documented keys, as workers leave them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from redis.asyncio import Redis
from tests.registrations import registration

from jobctl.broker.connect import connect
from jobctl.broker.keys import QUEUES, QueueKeys, job_id
from jobctl.clock import FakeClock
from jobctl.compiler.plan import Plan, QueuePlan
from jobctl.inspector import Inspector
from jobctl.spec.model import FieldType, PayloadField, Scheduling, Unique

NOW_MS = 1_700_000_000_000  # what the fake clock says at first


class Shelf:
    """Puts jobs into a queue's indexes. Each method returns the job's id; times are ms since the epoch."""

    def __init__(self, server: redis.Redis) -> None:
        self.server = server
        self._count = 0

    def queued(self, queue: str = "default", **fields: Any) -> str:
        job = self._record(queue, status="queued", **fields)
        self.server.zadd(QueueKeys(queue).incomplete, {job: 0})
        self.server.rpush(QueueKeys(queue).queued, job)
        return job

    def active(self, queue: str = "default", **fields: Any) -> str:
        job = self._record(queue, **{"status": "active", "started": NOW_MS, **fields})
        self.server.zadd(QueueKeys(queue).incomplete, {job: 0})
        self.server.rpush(QueueKeys(queue).active, job)
        return job

    def scheduled(self, queue: str = "default", *, due_ms: int = NOW_MS + 60_000, **fields: Any) -> str:
        job = self._record(queue, status="queued", **fields)
        self.server.zadd(QueueKeys(queue).incomplete, {job: due_ms / 1000})
        return job

    def retrying(self, queue: str = "default", *, due_ms: int = NOW_MS + 60_000, **fields: Any) -> str:
        job = self.scheduled(queue, due_ms=due_ms, **{"attempts": 1, **fields})
        self.server.zadd(QueueKeys(queue).retrying, {job: due_ms})
        return job

    def complete(self, queue: str = "default", *, at_ms: int = NOW_MS, **fields: Any) -> str:
        return self._ended(queue, "complete", QueueKeys(queue).complete, at_ms, **{"attempts": 1, **fields})

    def dead(self, queue: str = "default", *, at_ms: int = NOW_MS, **fields: Any) -> str:
        return self._ended(queue, "failed", QueueKeys(queue).dead, at_ms, **{"attempts": 4, **fields})

    def cancelled(self, queue: str = "default", *, at_ms: int = NOW_MS, **fields: Any) -> str:
        return self._ended(queue, "aborted", QueueKeys(queue).cancelled, at_ms, **fields)

    def record(self, job: str) -> dict[str, Any]:
        return json.loads(self.server.get(job) or b"null")

    def _ended(self, queue: str, status: str, index: str, at_ms: int, **fields: Any) -> str:
        job = self._record(queue, status=status, **{"completed": at_ms, "started": at_ms - 50, **fields})
        self.server.zadd(index, {job: at_ms})
        return job

    def _record(self, queue: str, *, key: str | None = None, type: str = "mail:send", **fields: Any) -> str:
        self._count += 1
        key = key or f"job-{self._count:05d}"
        record = {"function": type, "kwargs": {}, "queue": queue, "key": key, "queued": NOW_MS - 1_000, "retries": 4}
        self.server.set(job_id(queue, key), json.dumps(record | fields))
        self.server.sadd(QUEUES, queue)
        return job_id(queue, key)


@pytest.fixture(scope="session")
def plan() -> Plan:
    text = PayloadField(name="to", type=FieldType.STRING, flag="to", required=False, default=None)
    return Plan(
        queues=(
            QueuePlan(name="critical", weight=6, share=0.6),
            QueuePlan(name="default", weight=3, share=0.3),
            QueuePlan(name="low", weight=1, share=0.1),
        ),
        scheduling=Scheduling.WEIGHTED,
        registrations=(
            registration("mail-send", text, replace(text, name="password", flag="password", secret=True)),
            registration("sync-briefly", unique=Unique(for_s=60.0)),
        ),
        schedules=(),
    )


@pytest.fixture
def shelf(server: redis.Redis) -> Shelf:
    return Shelf(server)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW_MS / 1000)


@pytest.fixture
async def broker(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def inspector(broker: Redis, plan: Plan, clock: FakeClock) -> Inspector:
    return Inspector(broker, plan, clock=clock)
