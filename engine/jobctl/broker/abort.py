"""Cancelling jobs: at once if they wait, through their workers if they run (`scripts/abort.lua` says how)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jobctl.broker.keys import WAKE, QueueKeys
from jobctl.broker.scripts import Script

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Aborted(StrEnum):
    """What became of a request to cancel a job."""

    CANCELLED = "cancelled"
    """It waited, and has ended."""
    CANCELLING = "cancelling"
    """It runs, and its worker has been told."""
    RUNNING = "running"
    """It runs, and was to be left alone."""
    FINAL = "final"
    """It had ended before: that stands."""
    GONE = "gone"
    """There is no such job."""


async def abort_job(
    server: Redis, of: QueueKeys, job_id: str, reason: str, *, mark: str = "", mark_s: float = 5
) -> tuple[Aborted, int]:
    """Cancel a job.

    Args:
        reason: becomes its error.
        mark: key of the mark that SAQ's own enqueue looks for, or "".
        mark_s: seconds the mark lives.

    Returns:
        what became of it, and when it ended (or was asked to), ms on the server's clock.

    Raises:
        redis.exceptions.RedisError: the broker did not take it.
    """
    what, at_ms = await _call(server, of, reason, [job_id, mark], mark_s=mark_s)
    return Aborted(what.decode()), int(at_ms)


async def abort_jobs(
    server: Redis, of: QueueKeys, job_ids: Sequence[str], reason: str, *, spare_running: bool = False
) -> list[Aborted]:
    """Cancel jobs of one queue in one script call, a few hundred at most, and return what became of each.

    Args:
        reason: becomes their error.
        spare_running: leave alone those that run.

    Raises:
        redis.exceptions.RedisError: the broker did not take it.
    """
    jobs = [part for job_id in job_ids for part in (job_id, "")]
    answer = await _call(server, of, reason, jobs, spare_running=spare_running)
    return [Aborted(what.decode()) for what in answer[::2]]


async def _call(
    server: Redis, of: QueueKeys, reason: str, jobs: Sequence[str], *, mark_s: float = 1, spare_running: bool = False
) -> list[Any]:
    names = [of.queued, of.active, of.incomplete, of.owners, of.cancelled, of.expiry, of.retrying, of.cancels, WAKE]
    args = [reason, of.name, max(round(mark_s), 1), int(spare_running), *jobs]
    answer: list[Any] = await Script(server, "abort")(names, args)
    return answer
