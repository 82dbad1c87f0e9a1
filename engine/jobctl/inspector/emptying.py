"""Emptying a queue: purging it of jobs in some state, and waiting until its workers have drained it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobctl.broker.abort import abort_jobs
from jobctl.broker.connect import translate_errors
from jobctl.broker.delete import Deleted, delete_jobs
from jobctl.broker.keys import QueueKeys
from jobctl.errors import JobStateError, UsageError
from jobctl.inspector import audit
from jobctl.inspector.survey import survey
from jobctl.records import JobState

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.inspector.status import QueueStatus

BATCH = 500  # jobs in one script call: a few ms of the server's time
LOOK_S = 0.5
PURGED = "purged by an operator"
PURGEABLE = frozenset(JobState) - {JobState.ACTIVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """How a drain went.

    Attributes:
        is_empty: nothing was queued or active at the end.
        left: jobs queued and active at the end.
        later: jobs that wait for a time: scheduled, and to be retried. They are no part of a drain.
        took_s: how long it took.
    """

    is_empty: bool
    left: int
    later: int
    took_s: float


async def purge(
    redis: Redis,
    queue: str,
    states: Collection[JobState],
    *,
    actor: str | None = None,
    tell: Callable[[int], None] | None = None,
) -> int:
    """Delete a queue's jobs in some states with all that is kept of them; return how many.

    No more of each state than there are when it begins, the oldest first: it ends though producers go on. Jobs that
    begin to run meanwhile are left alone. Three round trips for 500 jobs. Noted in the audit log, however it ends.

    Args:
        redis: the broker.
        queue: its name; it must exist.
        states: of `PURGEABLE`.
        actor: whom the audit log names.
        tell: is told how many have been deleted so far.

    Raises:
        UsageError: running jobs cannot be purged.
    """
    if JobState.ACTIVE in states:
        raise UsageError("running jobs cannot be purged", hint="cancel them: `jobctl cancel 'state=active'`")
    of = QueueKeys(queue)
    deleted = 0
    try:
        for state in [one for one in JobState if one in states]:
            left = await _count(redis, of, state)
            skipped = 0
            while left > 0:
                ids = await _oldest(redis, of, state, skipped, min(BATCH, left))
                if not ids:
                    break
                left -= len(ids)
                count = await _purge_batch(redis, of, state, ids)
                deleted += count
                skipped += len(ids) - count
                if tell is not None:
                    tell(deleted)
    finally:
        if deleted:
            detail = {"states": ", ".join(sorted(states))}
            note = audit.record(
                redis, audit.Action.QUEUE_PURGE, target=queue, count=deleted, actor=actor, detail=detail
            )
            await asyncio.shield(note)
    return deleted


async def _count(redis: Redis, of: QueueKeys, state: JobState) -> int:
    with translate_errors():
        match state:
            case JobState.QUEUED:
                return int(await redis.llen(of.queued))  # type: ignore[misc]
            case JobState.SCHEDULED:
                later, retrying = await redis.zcount(of.incomplete, "(0", "+inf"), await redis.zcard(of.retrying)
                return max(int(later) - int(retrying), 0)
        return int(await redis.zcard(_index(of, state)))


async def _oldest(redis: Redis, of: QueueKeys, state: JobState, offset: int, count: int) -> list[str]:
    """Return ids from the front of a state's index; of the scheduled, those that are due first."""
    with translate_errors():
        match state:
            case JobState.QUEUED:
                found = await redis.lrange(of.queued, offset, offset + count - 1)  # type: ignore[misc]
            case JobState.SCHEDULED:
                return await _scheduled(redis, of, offset, count)
            case _:
                found = await redis.zrange(_index(of, state), offset, offset + count - 1)
    return [each.decode() for each in found]


async def _scheduled(redis: Redis, of: QueueKeys, offset: int, count: int) -> list[str]:
    """Return ids of jobs that wait for their time and are no retries."""
    found: list[str] = []
    while len(found) < count:
        page = await redis.zrangebyscore(of.incomplete, "(0", "+inf", start=offset, num=BATCH)
        if not page:
            break
        retrying = await redis.zmscore(of.retrying, page)
        found += [each.decode() for each, score in zip(page, retrying, strict=True) if score is None]
        offset += len(page)
    return found[:count]


def _index(of: QueueKeys, state: JobState) -> str:
    return {
        JobState.RETRYING: of.retrying,
        JobState.COMPLETE: of.complete,
        JobState.DEAD: of.dead,
        JobState.CANCELLED: of.cancelled,
    }[state]


async def _purge_batch(redis: Redis, of: QueueKeys, state: JobState, ids: list[str]) -> int:
    with translate_errors():
        if not state.is_final:
            await abort_jobs(redis, of, ids, PURGED, spare_running=True)
        answers = await delete_jobs(redis, of, ids)
        if state is JobState.QUEUED:
            # an entry without a record, which a worker would move aside
            bare = [one for one, answer in zip(ids, answers, strict=True) if answer is Deleted.GONE]
            for one in bare:
                await redis.lrem(of.queued, 1, one)  # type: ignore[misc]
            return len(ids) - answers.count(Deleted.UNFINISHED)
    return answers.count(Deleted.DELETED)


async def drain(
    redis: Redis,
    queue: str,
    *,
    timeout_s: float | None = None,
    tell: Callable[[QueueStatus], None] | None = None,
) -> Drained:
    """Wait until nothing is queued or active in a queue. Two round trips every half second.

    Args:
        redis: the broker.
        queue: its name; it must exist.
        timeout_s: how long; None = for ever.
        tell: is given the queue after every look.

    Raises:
        JobStateError: it is paused, or no worker that claims serves it: it would never be empty.
    """
    began_at = time.monotonic()
    while True:
        with translate_errors():
            now = await survey(redis, None, queues=True, workers=True)
        status = next((one for one in now.queues if one.name == queue), None)
        took_s = time.monotonic() - began_at
        if status is None:
            return Drained(is_empty=True, left=0, later=0, took_s=took_s)
        if tell is not None:
            tell(status)
        queued, active = status.counts[JobState.QUEUED], status.counts[JobState.ACTIVE]
        later = status.counts[JobState.SCHEDULED] + status.counts[JobState.RETRYING]
        is_late = timeout_s is not None and took_s >= timeout_s
        if queued + active == 0 or is_late:
            return Drained(is_empty=queued + active == 0, left=queued + active, later=later, took_s=took_s)
        if queued and status.paused:
            raise JobStateError(
                f"queue `{queue}` is paused: {_jobs(queued)} not started",
                code="queue.paused",
                hint=f"`jobctl queues resume {queue}`",
            )
        states = {one.state for one in now.workers if queue in one.queues}
        if queued and "running" not in states:
            raise JobStateError(
                f"no worker claims jobs of queue `{queue}`: {_jobs(queued)} not started",
                code="queue.unserved",
                hint="`jobctl workers resume --all`: some are quiet"
                if "quiet" in states
                else "`jobctl run` starts one",
            )
        await asyncio.sleep(LOOK_S)


def _jobs(count: int) -> str:
    return "its one job is" if count == 1 else f"its {count:,} jobs are"
