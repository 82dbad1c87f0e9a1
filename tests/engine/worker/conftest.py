"""A workshop: declare jobs in a line, enqueue them, run real workers on a real server, look at the result."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from tests.waiting import eventually

from jobctl.broker import keys
from jobctl.broker.connect import connect
from jobctl.broker.envelope import Envelope, pack, seal, unpack
from jobctl.broker.record import read_fields
from jobctl.broker.scripts import source
from jobctl.compiler.handlers import Handler
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, QueuePlan, Registration
from jobctl.spec.model import Backoff, FieldType, PayloadField, Scheduling
from jobctl.worker.hooks import WorkerHooks
from jobctl.worker.worker import Worker

WEIGHTS = {"critical": 6, "default": 3, "low": 1}
DEADLINE_S = 20.0


class Workshop:
    """Jobs by name, and the means to run them."""

    eventually = staticmethod(eventually)

    def __init__(self, url: str) -> None:
        self.url = url
        self.redis = connect(url)
        self.registrations: dict[str, Registration] = {}
        self.functions: dict[str, Callable[..., Any]] = {}
        self.scheduling = Scheduling.WEIGHTED
        self.weights: Mapping[str, int] = WEIGHTS
        self.queues: Mapping[str, dict[str, int]] = {}
        self.hooks = WorkerHooks()
        self.workers: list[asyncio.Task[int]] = []

    def job(self, function: Callable[..., Any], **options: Any) -> Registration:
        """Declare a job named after its function; its payload is the function's keyword parameters, all integers."""
        name = options.pop("name", function.__name__.replace("_", "-"))
        parameters = list(inspect.signature(function).parameters)[1:]
        fields = {
            "name": name,
            "type": name,
            "handler": f"tests:{name}",
            "queue": "default",
            "summary": "",
            "attempts": options.pop("retries", 3) + 1,
            "timeout_s": 30.0,
            "heartbeat_s": 0.0,
            "retention_s": 600.0,
            "dead_retention_s": 3600.0,
            "max_crashes": 3,
            "backoff": Backoff(delay_s=0.01, factor=1.0, max_s=1.0, jitter=0.0),
            "unique": None,
            "payload": tuple(PayloadField(name=p, type=FieldType.INT) for p in parameters),
            "alert": (),
            "tags": (),
            **options,
        }
        self.registrations[name] = Registration(**fields)
        self.functions[name] = function
        return self.registrations[name]

    def plan(self) -> Plan:
        total = sum(self.weights.values())
        return Plan(
            queues=tuple(
                QueuePlan(name=n, weight=w, share=w / total, **self.queues.get(n, {})) for n, w in self.weights.items()
            ),
            scheduling=self.scheduling,
            registrations=tuple(self.registrations.values()),
            schedules=(),
        )

    def worker(self, **options: Any) -> Worker:
        handlers = {
            name: Handler(
                type=job.type,
                function=self.functions[name],
                is_async=inspect.iscoroutinefunction(self.functions[name]),
                registration=job,
                schema=PayloadSchema(name, job.payload),
            )
            for name, job in self.registrations.items()
        }
        options = {"concurrency": 10, "grace_s": 5.0, "run_scheduler": False, "hooks": self.hooks, **options}
        return Worker.for_plan(self.plan(), handlers, url=self.url, **options)

    async def burst(self, **options: Any) -> Worker:
        """Run a worker until nothing is due."""
        worker = self.worker(burst=True, **options)
        async with asyncio.timeout(DEADLINE_S):
            await worker.run()
        return worker

    def start(self, **options: Any) -> Worker:
        """Start a worker that runs until the test ends."""
        worker = self.worker(**options)
        self.workers.append(asyncio.ensure_future(worker.run()))
        return worker

    async def enqueue(self, job: str, payload: dict[str, Any] | None = None, **options: Any) -> str:
        """Store a job; return its key."""
        (key,) = await self.enqueue_many([(job, payload or {}, options)])
        return key

    async def enqueue_many(self, jobs: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> list[str]:
        sealed = [seal(self.registrations[job], payload, **options) for job, payload, options in jobs]
        assert await self.store(sealed) == [None] * len(sealed)
        return [envelope.key for envelope in sealed]

    async def store(self, envelopes: list[Envelope]) -> list[str | None]:
        script = self.redis.register_script(source("enqueue"))
        names, args = pack(envelopes)
        return unpack(await script(keys=names, args=args))

    async def record(self, key: str, queue: str = "default") -> dict[str, Any]:
        """Return the record of a job, as stored."""
        raw = await self.redis.get(keys.job_id(queue, key))
        assert raw is not None, f"no record of {key}"
        return read_fields(raw)

    async def until(self, key: str, status: str, queue: str = "default") -> dict[str, Any]:
        """Wait until a job's record has a status."""

        async def reached() -> bool:
            return (await self.record(key, queue)).get("status") == status

        await self.eventually(reached)
        return await self.record(key, queue)

    async def index(self, name: str, queue: str = "default") -> list[str]:
        """Return the job keys in one of a queue's indexes."""
        of = keys.QueueKeys(queue)
        name = getattr(of, name)
        kind = await self.redis.type(name)
        if kind == b"list":
            ids = await self.redis.lrange(name, 0, -1)
        elif kind == b"hash":
            ids = await self.redis.hkeys(name)
        else:
            ids = await self.redis.zrange(name, 0, -1)
        return [keys.split_job_id(job_id.decode())[1] for job_id in ids]

    async def close(self) -> None:
        for task in self.workers:
            task.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)
        await self.redis.aclose()


@pytest.fixture
async def shop(redis_url: str) -> AsyncIterator[Workshop]:
    """A workshop on an empty database."""
    workshop = Workshop(redis_url)
    yield workshop
    await workshop.close()
