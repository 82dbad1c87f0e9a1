"""One job with everything around it: who holds it, until when, its unique lock, how long its record is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobctl.broker.keys import QueueKeys, job_id
from jobctl.records import META, JobRecord, JobState

if TYPE_CHECKING:
    from redis.asyncio import Redis


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueLock:
    """The lock that keeps a second job like this one from being enqueued.

    Attributes:
        key: in Redis.
        holder: id of the job that holds it now, or None: it is free.
        expires_ms: when it ends by itself, ms since the epoch; None = with its job.
    """

    key: str
    holder: str | None
    expires_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetail:
    """A job and what stands beside its record. Times are ms since the epoch, by the broker's clock.

    Attributes:
        lease_ms: when its lease ends unless it is renewed; None = nobody holds it.
        holder: the worker that holds the lease, or None.
        lock: its unique lock, or None if it was enqueued without one.
        expires_ms: when its record is forgotten; None = not by itself.
        position: jobs before it in its queue; None = it is not queued.
        is_paused: whether its queue is.
    """

    record: JobRecord
    lease_ms: int | None = None
    holder: str | None = None
    lock: UniqueLock | None = None
    expires_ms: int | None = None
    position: int | None = None
    is_paused: bool = False


async def look(redis: Redis, record: JobRecord) -> JobDetail:
    """Return a job's surroundings, in one round trip."""
    of, job = QueueKeys(record.queue), job_id(record.queue, record.key)
    ours = record.meta.get(META)
    lock = ours.get("unique") if isinstance(ours, dict) else None
    async with redis.pipeline(transaction=False) as pipe:
        pipe.zscore(of.leases, job)
        pipe.hget(of.owners, job)
        pipe.pexpiretime(job)
        pipe.exists(of.paused)
        if record.state is JobState.QUEUED:
            pipe.lpos(of.queued, job)
        else:
            pipe.echo("")
        if isinstance(lock, str):
            pipe.get(lock)
            pipe.pexpiretime(lock)
        lease, owner, expires, paused, position, *locked = await pipe.execute()
    return JobDetail(
        record=record,
        lease_ms=None if lease is None else int(lease),
        holder=owner.decode().partition(":")[0] if owner else None,
        lock=_lock(str(lock), *locked) if locked else None,
        expires_ms=expires if expires > 0 else None,
        position=position if isinstance(position, int) else None,
        is_paused=bool(paused),
    )


def _lock(key: str, holder: bytes | None, expires: int) -> UniqueLock:
    return UniqueLock(key=key, holder=holder.decode() if holder else None, expires_ms=expires if expires > 0 else None)
