"""`JobQueue`: SAQ's Redis queue, with atomic claims, leases and fenced ends in place of SAQ's separate steps.

Anything that speaks to a `saq.queue.redis.RedisQueue` can speak to this one. Jobs that were not claimed here (no
token) keep SAQ's own semantics.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from saq.job import Job, Status
from saq.queue.redis import RedisQueue

from jobctl.broker.connect import connect
from jobctl.broker.cycle import Cycle, Ended
from jobctl.broker.envelope import Envelope, pack, unpack
from jobctl.broker.keys import QueueKeys
from jobctl.broker.scripts import source
from jobctl.spec.model import DEFAULT_DEAD_RETENTION_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from redis.asyncio import Redis

log = logging.getLogger(__name__)

PEEK_S = 5.0
_FINAL = {Status.COMPLETE: ("c", "complete"), Status.FAILED: ("d", "dead"), Status.ABORTED: ("x", "cancelled")}


class JobQueue(RedisQueue):
    """One queue. Arguments are SAQ's."""

    def __init__(self, redis: Redis, name: str = "default", **options: Any) -> None:
        super().__init__(redis, name, **options)
        self.keys = QueueKeys(name)
        self._store = redis.register_script(source("enqueue"))
        self._cycle: Cycle | None = None
        self._tokens: dict[str, str] = {}

    @classmethod
    def from_url(cls, url: str, **options: Any) -> JobQueue:
        """Make a queue whose connections have timeouts, keepalive and retry (SAQ's have none, hazard B1)."""
        return cls(connect(url, max_connections=16), **options)

    async def disconnect(self) -> None:
        """Close the connections."""
        if self._cycle is not None:
            await self._cycle.close()
            self._cycle = None
        await super().disconnect()

    async def _enqueue(self, job: Job) -> Job | None:
        record = self.serialize(job)
        envelope = Envelope(
            queue=self.name,
            key=job.key,
            record=record.encode() if isinstance(record, str) else record,
            at_ms=max(int(job.scheduled * 1000), 0),
        )
        keys, args = pack([envelope])
        async with self._op_sem:
            (holder,) = unpack(await self._store(keys=keys, args=args))
        if holder is not None:
            return None
        log.debug("enqueued", extra={"key": job.key, "queue": self.name, "type": job.function})
        return job

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:  # noqa: ARG002 - SAQ's
        """Claim the next job, with a lease; None after ``timeout`` seconds (0 = wait for ever).

        The caller counts the attempt and marks it active, as SAQ's worker does.
        """
        if self._cycle is None:
            self._cycle = Cycle("", {self.name: 1}, f"dequeue-{id(self):x}", client=self.redis)
        end = time.monotonic() + timeout if timeout else None
        while True:
            turn = await self._cycle.turn(Ended(), 1)
            for _, job_id, raw in turn.claims:
                self._tokens[job_id] = turn.token
                return self.deserialize(raw)
            left = PEEK_S if end is None else min(end - time.monotonic(), PEEK_S)
            if left <= 0:
                return None
            if turn.ready[0] < 0:
                await asyncio.sleep(min(left, 1.0))  # paused
            else:
                await self.redis.blmove(self._queued, self._queued, max(left, 0.01), "LEFT", "LEFT")  # type: ignore[arg-type]

    async def _finish(self, job: Job, status: Status, *, result: Any = None, error: str | None = None) -> None:
        token = self._tokens.pop(job.id, None)
        record = self._serialize(job)
        op, index = _FINAL[status]
        number = int(DEFAULT_DEAD_RETENTION_S) if op == "d" else job.ttl
        if token is not None and self._cycle is not None:
            ended = Ended()
            # the whole record in every case: SAQ's caller may have changed any field of it
            ended.add(0, job.id, token, "d" if op == "d" else "x", record, number)
            turn = await self._cycle.turn(ended, 0)
            if turn.fenced:
                log.error("the end of a job was refused: another delivery owns it by now", extra={"id": job.id})
                return
            if index == "complete" and number >= 0:
                async with self.redis.pipeline(transaction=True) as pipe:
                    pipe.zrem(self.keys.cancelled, job.id)
                    pipe.zadd(self.keys.complete, {job.id: job.completed})
                    await pipe.execute()
                await self.notify(job)
            return
        await super()._finish(job, status, result=result, error=error)

    async def _retry(self, job: Job, error: str | None) -> None:
        token = self._tokens.pop(job.id, None)
        if token is None or self._cycle is None:
            await super()._retry(job, error)
            return
        job.result = None  # one that cannot be stored must not stop the retry as well (hazard C1)
        ended = Ended()
        ended.add(0, job.id, token, "r", self._serialize(job), round(job.next_retry_delay() * 1000))
        turn = await self._cycle.turn(ended, 0)
        if turn.fenced:
            log.error("the retry of a job was refused: another delivery owns it by now", extra={"id": job.id})

    def _serialize(self, job: Job) -> bytes:
        record = self.serialize(job)
        return record.encode() if isinstance(record, str) else record

    async def listen(
        self,
        job_keys: Iterable[str],
        callback: Callable[[str, Status], Awaitable[Any] | Any],
        timeout: float | None = 10,
        poll_interval: float = 0.5,
    ) -> None:
        """Tell status changes, beginning with the present one.

        SAQ subscribes after it has read, so an end in between is never heard (hazard E9); here a reader runs beside
        the subscription.
        """
        keys = list(job_keys)

        async def read() -> None:
            seen: dict[str, Status] = {}
            pause_s = 0.01
            while True:
                for job in await self.jobs(keys):
                    if job is None or seen.get(job.key) == job.status:
                        continue
                    seen[job.key] = job.status
                    answer = callback(job.key, job.status)
                    if asyncio.iscoroutine(answer):
                        answer = await answer
                    if answer:
                        return
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)

        tasks = [
            asyncio.create_task(super().listen(keys, callback, timeout, poll_interval)),
            asyncio.create_task(read()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
