"""Queues on an empty database, and a look at where their jobs are."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio
from saq import Job, Status
from saq.queue.redis import RedisQueue
from tests.waiting import eventually

from jobctl.broker.queue import JobQueue

INDEXES = ("queued", "active", "incomplete", "leases", "owners", "retrying", "complete", "dead", "cancelled", "cancels")


class Bench:
    """Makes queues of ours and of SAQ's, and shows what they leave in the broker."""

    eventually = staticmethod(eventually)

    def __init__(self, url: str) -> None:
        self.url = url
        self.server = redis.asyncio.Redis.from_url(url)
        self._queues: list[RedisQueue] = []

    def queue(self, name: str = "default", **options: Any) -> JobQueue:
        queue = JobQueue.from_url(self.url, name=name, **options)
        self._queues.append(queue)
        return queue

    def stock(self, name: str = "default") -> RedisQueue:
        queue = RedisQueue(redis.asyncio.Redis.from_url(self.url), name=name)
        self._queues.append(queue)
        return queue

    async def claim(self, queue: RedisQueue, **fields: Any) -> Job:
        """Claim a job and mark it active, as SAQ's worker does."""
        job = await queue.dequeue(timeout=5)
        assert job is not None
        job.attempts += 1
        job.worker_id = "worker-1"
        job.started = int(time.time() * 1000)
        for field, value in fields.items():
            setattr(job, field, value)
        await job.update(status=Status.ACTIVE)
        return job

    async def record(self, job: Job | str) -> dict[str, Any]:
        raw = await self.server.get(job if isinstance(job, str) else job.id)
        assert raw is not None
        return json.loads(raw)

    async def places(self, job: Job) -> set[str]:
        """Return the names of the indexes that hold a job."""
        assert job.queue is not None
        name = job.queue.name
        found = set()
        for index in INDEXES:
            key = f"saq:{name}:{index}" if index in ("queued", "active", "incomplete") else f"jobctl:{name}:{index}"
            kind = (await self.server.type(key)).decode()
            members: list[bytes] = []
            if kind == "list":
                members = await self.server.lrange(key, 0, -1)
            elif kind == "hash":
                members = await self.server.hkeys(key)
            elif kind == "zset":
                members = await self.server.zrange(key, 0, -1)
            if job.id.encode() in members:
                found.add(index)
        return found

    async def lose_lease(self, job: Job) -> None:
        """Let a lease end and the job be handed out again, as an upkeep would."""
        assert job.queue is not None
        await self.server.zadd(f"jobctl:{job.queue.name}:leases", {job.id: 1})

    async def close(self) -> None:
        for queue in self._queues:
            await queue.disconnect()
        await self.server.aclose()


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[Bench]:
    """A bench on an empty database."""
    made = Bench(redis_url)
    yield made
    await made.close()


@pytest.fixture
def queue(bench: Bench) -> JobQueue:
    """A queue of ours."""
    return bench.queue()
