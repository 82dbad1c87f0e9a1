"""Cancelling a job: at once if it waits, through its worker if it runs (`scripts/abort.lua` says how)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

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
    script = Script(server, "abort")
    names = [job_id, of.queued, of.active, of.incomplete, of.owners, of.cancelled, of.expiry, of.retrying, of.cancels]
    what, at_ms = await script([*names, WAKE], [reason, of.name, mark, max(round(mark_s), 1)])
    return Aborted(what.decode()), int(at_ms)
