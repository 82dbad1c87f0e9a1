"""`JobQueue`: SAQ's Redis queue, with atomic claims, leases and fenced ends in place of SAQ's separate steps.

Anything that speaks to a `saq.queue.redis.RedisQueue` can speak to this one: SAQ's worker, its HTTP proxy, its web
page. Every change of a job's state is one script that checks state and token. `docs/decisions` says where its answers
differ from SAQ's, and why.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import math
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from saq.job import TERMINAL_STATUSES, Job, Status
from saq.queue.redis import RedisQueue
from saq.utils import now as caller_ms

from jobctl.broker.abort import Aborted, abort_job
from jobctl.broker.connect import connect, require_bytes
from jobctl.broker.deliveries import Deliveries
from jobctl.broker.keys import QUEUES, WAKE, QueueKeys
from jobctl.broker.listing import index_ids, unfinished_ids
from jobctl.broker.record import encode
from jobctl.broker.scripts import Script
from jobctl.broker.subscription import Subscription
from jobctl.broker.sweep import SIMULATED_MS, Sweep
from jobctl.broker.upkeep import Upkeep
from jobctl.errors import UsageError
from jobctl.records import META
from jobctl.spec.model import DEFAULT_DEAD_RETENTION_S

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from saq.queue import Queue
    from saq.types import CountKind, DumpType, ListenCallback, LoadType, QueueInfo, WorkerInfo

log = logging.getLogger(__name__)

MAX_DELAY_S = 7 * 86_400.0  # SAQ's doubling delays have no bound: days, years, then an OverflowError (hazard C14)
PROMOTED = 500  # jobs that one call of `schedule` queues at most
LOOK_S = (0.05, 1.0)  # a listener also looks for itself, ever less often: a worker's claims are not published

_DELIVERY = "_jobctl_delivery"  # on a job object: the token of the delivery it came from; no field, so in no record
_FIELDS = frozenset(Job.__dataclass_fields__)
_children: ContextVar[list[Job] | None] = ContextVar("jobctl_batch", default=None)


class JobQueue(RedisQueue):
    """One queue. Arguments are SAQ's; ``dump`` and ``load`` must write and read JSON objects."""

    def __init__(
        self,
        redis: Redis,
        name: str = "default",
        dump: DumpType | None = None,
        load: LoadType | None = None,
        max_concurrent_ops: int = 20,
        swept_error_message: str | None = None,
    ) -> None:
        require_bytes(redis)
        super().__init__(redis, name, _dump if dump is None else dump, load, max_concurrent_ops, swept_error_message)
        self.keys = QueueKeys(name)
        self.deliveries = Deliveries(redis, self.keys)
        self._subscription = Subscription(redis)
        of = self.keys
        self._indexes = (of.complete, of.dead, of.cancelled, of.expiry)
        self._submit = Script(redis, "submit")
        self._end = Script(redis, "finish")
        self._requeue = Script(redis, "retry")
        self._write = Script(redis, "update")
        self._promote = Script(redis, "promote")

    @classmethod
    def from_url(cls, url: str, **options: Any) -> JobQueue:
        """Make a queue whose connections have timeouts, keepalive and retry (SAQ's have none, hazard B1)."""
        return cls(connect(url, max_connections=16), **options)

    @classmethod
    def beside(cls, queue: Queue) -> JobQueue | None:
        """Return one for the same queue over the same connections as one of SAQ's; itself if it is ours.

        None if there can be none: it is not in Redis, its records are not JSON, or its address is not known (Sentinel).
        """
        if not isinstance(queue, RedisQueue):
            return None
        options = queue.redis.connection_pool.connection_kwargs
        if not ("host" in options or "path" in options):
            return None
        if isinstance(queue, cls):
            return queue
        try:
            record = queue._dump({"function": "probe"})
            is_json = json.loads(record) == {"function": "probe"}
        except (ValueError, TypeError):
            is_json = False
        if not is_json:
            return None
        return cls(
            queue.redis, queue.name, dump=queue._dump, load=queue._load, swept_error_message=queue.swept_error_message
        )

    async def disconnect(self) -> None:
        """Hand back what was claimed and nobody took, and close the connections."""
        await self.deliveries.close()
        await self._subscription.close()
        # not SAQ's own way: it connects first, to unsubscribe from what we never subscribed to
        await self.redis.aclose()
        await self.redis.connection_pool.disconnect()

    # Records

    def serialize(self, job: Job) -> bytes:
        """Return a job's record.

        Raises:
            UsageError: ``dump`` does not write JSON objects; scripts splice fields onto records.
        """
        record = super().serialize(job)
        raw = (record.encode() if isinstance(record, str) else record).strip()
        if raw[:1] != b"{" or raw[-1:] != b"}":
            raise UsageError("`dump` must write JSON objects: jobctl and other workers read the records")
        return raw

    def deserialize(
        self, payload: dict[str, Any] | str | bytes | None, status: Status | str | None = None
    ) -> Job | None:
        """Make a job of its record; fields that this SAQ does not know are left out.

        Raises:
            ValueError: it is no job record, or another queue's.
        """
        if not payload:
            return None
        fields = payload if isinstance(payload, dict) else self._load(payload)
        if not isinstance(fields, dict):
            raise ValueError(f"not a job record: a JSON {type(fields).__name__}")
        if (queue := fields.get("queue")) != self.name:
            raise ValueError(f"job of queue `{queue}` read by queue `{self.name}`")
        known = {name: value for name, value in fields.items() if name in _FIELDS and name != "queue"}
        if known.get("meta") is None:
            known.pop("meta", None)
        if status:
            known["status"] = status
        try:
            return Job(**known, queue=self)
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a job record: {error}") from error

    def copy(self, job: Job) -> Job:
        """Return another object for the same delivery of a job."""
        twin = super().copy(job)
        if _DELIVERY in job.__dict__:
            twin.__dict__[_DELIVERY] = job.__dict__[_DELIVERY]
        return twin

    def read(self, job_id: str, raw: bytes | None) -> Job | None:
        """Make a job of its record; None if there is none, or if it is broken: one must not stop a loop (C18)."""
        try:
            return self.deserialize(raw)
        except ValueError as error:
            log.warning("a record is no job of this queue; passed over", extra={"id": job_id, "error": str(error)})
            return None

    def own(self, job: Job, token: str) -> Job:
        """Mark a job object as belonging to a delivery: what it writes is fenced by the token."""
        job.__dict__[_DELIVERY] = token
        return job

    def _token(self, job: Job) -> str:
        token: str | None = job.__dict__.get(_DELIVERY)
        return self.deliveries.token(job.id, job.worker_id) if token is None else token

    def _ended(self, job: Job, token: str) -> None:
        job.__dict__.pop(_DELIVERY, None)
        self.deliveries.ended(job.id, token)

    # Enqueue, claim

    async def _enqueue(self, job: Job) -> Job | None:
        due = job.scheduled or 0
        if not math.isfinite(due):
            raise ValueError(f"`scheduled` must be seconds since the epoch, not {due}")
        of = self.keys
        names = [job.id, of.queued, of.incomplete, of.complete, of.dead, of.cancelled, of.replayed, of.expiry]
        # Tells this call, sent again after its answer was lost, from another with the same key (hazard B2). The script
        # writes the true time behind it, and the last of two equal fields counts.
        nonce = b',"queued":%d}' % secrets.randbits(48)
        # 0.0 and negative times are `now`: SAQ would never queue them, nor refuse them (hazard D3)
        args: list[bytes | str] = [self.serialize(job)[:-1] + nonce, repr(due) if due > 0 else "0", self.name]
        async with self._op_sem:
            stored_ms = await self._submit([*names, QUEUES, WAKE], args)
        if not stored_ms:
            return None
        job.queued = stored_ms
        job.__dict__.pop(_DELIVERY, None)
        log.debug("enqueued", extra={"key": job.key, "queue": self.name, "type": job.function})
        return job

    async def _before_enqueue(self, job: Job) -> None:
        await super()._before_enqueue(job)
        children = _children.get()
        if children is not None:
            children.append(job)

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[None]:
        """Abort what was enqueued inside if an exception comes out: by this task only, cancellation included (E12)."""
        children: list[Job] = []
        before = _children.set(children)
        try:
            yield
        except BaseException:
            own = [child for child in children if child.queue is self]
            await asyncio.gather(*(self.abort(child, "cancelled") for child in own), return_exceptions=True)
            raise
        finally:
            _children.reset(before)

    async def dequeue(self, timeout: float = 0.0, poll_interval: float = 0.0) -> Job | None:  # noqa: ARG002 - SAQ's
        """Claim the next job, with a lease; None after ``timeout`` seconds (0 = wait for ever).

        The caller counts the attempt and marks it active, as SAQ's worker does.
        """
        while True:
            claim = await self.deliveries.claim(timeout)
            if claim is None:
                return None
            job_id, token, record = claim
            job = self.read(job_id, record)
            if job is not None:
                return self.own(job, token)
            await self._bury(job_id, token, record)

    async def _bury(self, job_id: str, token: str, record: bytes) -> None:
        """End a job whose record can be read, but not as one of this queue's."""
        reason = encode({"status": "failed", "completed": caller_ms(), "error": "not a job record of this queue"})
        await self._end_as(job_id, token, record[:-1] + b"," + reason[1:], Status.FAILED, DEFAULT_DEAD_RETENTION_S)

    # Ends

    async def _finish(self, job: Job, status: Status, *, result: Any = None, error: str | None = None) -> None:  # noqa: ARG002 - SAQ's
        status = Status(status)  # SAQ's proxy hands on the text
        keep_s = DEFAULT_DEAD_RETENTION_S if status == Status.FAILED else job.ttl or 0
        ours = (job.meta or {}).get(META)
        lock = ours.get("unique") if isinstance(ours, dict) else None
        token = self._token(job)
        record = self.serialize(job)
        answer = await self._end_as(job.id, token, record, status, keep_s, started=job.started or 0, lock=lock or "")
        self._ended(job, token)
        if answer == b"fenced":
            log.error("the end of a job was refused: another delivery owns it by now", extra={"id": job.id})
        elif answer == b"final":
            log.info("a job that has ended was ended again; its first end stands", extra={"id": job.id})

    async def _end_as(
        self, job_id: str, token: str, record: bytes, status: Status, keep_s: float, *, started: int = 0, lock: str = ""
    ) -> bytes:
        of = self.keys
        names = [job_id, of.queued, of.active, of.incomplete, of.leases, of.owners, *self._indexes]
        answer: bytes = await self._end(
            [*names, of.retrying, of.cancels, of.strays],
            [token, started, record, status.value, math.ceil(keep_s), lock],
        )
        return answer

    async def _retry(self, job: Job, error: str | None) -> None:  # noqa: ARG002 - SAQ's
        job.result = None  # one that cannot be stored must not stop the retry as well (hazard C1)
        token = self._token(job)
        of = self.keys
        names = [job.id, of.queued, of.active, of.incomplete, of.leases, of.owners, *self._indexes]
        answer = await self._requeue(
            [*names, of.retrying, of.cancels, of.replayed],
            [token, self.serialize(job), round(_retry_delay_s(job) * 1000), self.name],
        )
        self._ended(job, token)
        if answer == b"fenced":
            log.error("the retry of a job was refused: another delivery owns it by now", extra={"id": job.id})
        elif answer == b"running":
            log.warning("the retry of a job was refused: it is running", extra={"id": job.id})
        elif answer == b"cancelled":
            job.status = Status.ABORTED

    async def _update(self, job: Job, status: Status | None = None, **kwargs: Any) -> None:  # noqa: ARG002 - SAQ's
        """Write a job's record anew. Its state changes through `abort` and `finish` only, a final one not at all."""
        status = Status(status) if status else None  # SAQ's proxy hands on the text
        if status in (Status.ABORTING, Status.ABORTED):
            await self.abort(job, job.error or "aborted")
            return
        if status is not None and status in TERMINAL_STATUSES:
            await self._finish(job, status)
            return
        token = self._token(job)
        if status == Status.ACTIVE:
            self.deliveries.started(job.id, job.worker_id)
        answer = await self._write(
            [job.id, self.keys.owners],
            [token, self.serialize(job), status.value if status else "", job.completed],
        )
        if answer != b"updated":
            log.warning("the update of a job was refused", extra={"id": job.id, "because": answer.decode()})

    async def abort(self, job: Job, error: str, ttl: float = 5) -> None:
        """Cancel a job: at once if it waits, through its worker if it runs, not at all if it has ended."""
        async with self._op_sem:
            what, at_ms = await abort_job(self.redis, self.keys, job.id, error, mark=job.abort_id, mark_s=ttl)
        if what is Aborted.CANCELLED:
            job.status, job.error, job.completed = Status.ABORTED, error, at_ms
            self.aborted += 1
        elif what is Aborted.CANCELLING:
            job.status, job.error = Status.ABORTING, error
        else:
            log.info("a job was not aborted", extra={"id": job.id, "because": what.value})

    # Upkeep

    async def schedule(self, lock: int = 1) -> list[str]:  # noqa: ARG002 - SAQ's: a script needs none (D2)
        """Queue what has become due; return the ids."""
        of = self.keys
        due = await self._promote([of.incomplete, of.queued, of.retrying], args=[caller_ms(), PROMOTED, SIMULATED_MS])
        return [job_id.decode() for job_id in due]

    async def sweep(self, lock: int = 60, abort: float = 5.0) -> list[str]:  # noqa: ARG002 - SAQ's: a script needs none
        """Deal with active jobs that are stuck, whose worker is lost, or whose record is gone; return their ids.

        A stuck one is asked to stop, has ``abort`` seconds for it, then runs again or is aborted. All wait together.
        """
        sweep = Sweep(self.redis, self.keys, self.swept_error_message)
        done = await sweep.run(timeouts=True)
        if "aborting" in done.values():
            await asyncio.sleep(abort)
            done |= await sweep.run(timeouts=True, patience_s=0)
        findings = await Upkeep(self.redis, [self.keys], promote=False).tick()
        return [*done, *(job.id for job in findings.recovered if job.id not in done)]

    async def write_worker_info(self, worker_id: str, info: WorkerInfo, ttl: int) -> None:
        """Report a worker, as SAQ's page and `saq --check` read it."""
        self.deliveries.heard_of(worker_id)
        await super().write_worker_info(worker_id, info, ttl)

    # Looking

    async def job(self, job_key: str) -> Job | None:
        """Return a job; None if there is none, or if its record is broken."""
        async with self._op_sem:
            return self.read(self.job_id(job_key), await self.redis.get(self.job_id(job_key)))

    async def jobs(self, job_keys: Iterable[str]) -> list[Job | None]:
        """Return jobs in the order of their keys; None for each that there is not."""
        return await self._read_all([self.job_id(key) for key in job_keys])

    async def _read_all(self, ids: list[str]) -> list[Job | None]:
        records = await self.redis.mget(ids) if ids else []
        return [self.read(job_id, raw) for job_id, raw in zip(ids, records, strict=True)]

    async def iter_jobs(self, statuses: Iterable[Status] = tuple(Status), batch_size: int = 100) -> AsyncIterator[Job]:
        """Yield the queue's jobs, in no order, by its indexes; SAQ scans all keys of the server (hazards E13, E14)."""
        wanted, of = set(statuses), self.keys
        indexes = {
            Status.COMPLETE: (of.complete,),
            Status.FAILED: (of.dead, of.replayed),
            Status.ABORTED: (of.cancelled,),
        }
        names = [of.incomplete] if wanted - TERMINAL_STATUSES else []
        for status in wanted & TERMINAL_STATUSES:
            names += indexes[status]
        for name in names:
            async for ids in index_ids(self.redis, name, batch_size):
                for job in await self._read_all(ids):
                    if job is not None and job.status in wanted:
                        yield job

    async def info(self, jobs: bool = False, offset: int = 0, limit: int = 10) -> QueueInfo:
        """Return counts and workers; with ``jobs`` also a page of unfinished ones: active, queued, then scheduled."""
        info = await super().info()
        if jobs:
            ids = await unfinished_ids(self.redis, self.keys, offset, limit)
            info["jobs"] = [job.to_dict() for job in await self._read_all(ids) if job is not None]
        return info

    async def count(self, kind: CountKind) -> int:
        """Count jobs. One that was asked to stop and still runs is not counted, as in SAQ."""
        if kind == "queued":
            return int(await self.redis.llen(self.keys.queued))  # type: ignore[misc]
        of = self.keys
        async with self.redis.pipeline(transaction=True) as pipe:
            if kind == "active":
                pipe.llen(of.active)
            elif kind == "incomplete":
                pipe.zcard(of.incomplete)
            else:
                raise ValueError(f"cannot count `{kind}`")
            pipe.hkeys(of.cancels)
            count, stopping = await pipe.execute()
        if stopping:
            scores = await self.redis.zmscore(of.incomplete, stopping)
            count -= sum(score is not None for score in scores)
        return int(count)

    async def listen(
        self,
        job_keys: Iterable[str],
        callback: ListenCallback,
        timeout: float | None = 10,
        poll_interval: float = 0.5,  # noqa: ARG002 - SAQ's, for its other queues
    ) -> None:
        """Tell the status of jobs, the present one and each that follows, until the callback answers true.

        SAQ subscribes after it has read, so an end in between is never heard (hazards E9, E10); here it is subscribe,
        read, listen.

        Raises:
            TimeoutError: ``timeout`` seconds (None or 0 = none) are over.
        """
        keys = list(job_keys)
        if not keys:
            return
        seen: dict[str, Status] = {}
        pause_s, longest_s = LOOK_S
        async with asyncio.timeout(timeout or None), self._subscription.listen(map(self.job_id, keys)) as inbox:
            while True:
                news = None
                try:
                    async with asyncio.timeout(pause_s):
                        news = await inbox.get()
                except TimeoutError:
                    pause_s = min(2 * pause_s, longest_s)
                if news is not None:
                    told = [(self.job_key_from_id(news[0]), Status(news[1]))]
                else:
                    jobs = [job for job in await self.jobs(keys) if job is not None]
                    told = [(job.key, job.status) for job in jobs if seen.get(job.key) != job.status]
                for key, status in told:
                    seen[key] = status
                    answer = callback(key, status)
                    if await answer if inspect.isawaitable(answer) else answer:
                        return


def _dump(record: Mapping[Any, Any]) -> bytes:
    """Encode a record as SAQ does; NaN, which is not JSON, becomes null (hazard C2)."""
    try:
        return json.dumps(record, allow_nan=False).encode()
    except ValueError:
        return encode(record)


def _retry_delay_s(job: Job) -> float:
    try:
        return min(max(job.next_retry_delay(), 0.0), MAX_DELAY_S)
    except OverflowError:
        return MAX_DELAY_S
