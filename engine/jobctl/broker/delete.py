"""Deleting ended jobs (`scripts/delete.lua` says what of them)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from jobctl.broker.keys import QueueKeys
from jobctl.broker.scripts import Script

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Deleted(StrEnum):
    """What became of a request to delete a job."""

    DELETED = "deleted"
    UNFINISHED = "unfinished"
    """It waits or runs, and stays."""
    GONE = "gone"
    """There was nothing of it."""


async def delete_jobs(server: Redis, of: QueueKeys, job_ids: Sequence[str]) -> list[Deleted]:
    """Forget ended jobs of one queue in one script call, a few hundred at most; return what became of each.

    Raises:
        redis.exceptions.RedisError: the broker did not take it.
    """
    indexes = [of.complete, of.dead, of.cancelled, of.replayed, of.expiry, of.retrying, of.strays]
    hashes = [of.crashes, of.interruptions, of.losses, of.replays, of.poison]
    answer = await Script(server, "delete")([of.incomplete, of.active, of.owners, *indexes, *hashes], job_ids)
    return [Deleted(what.decode()) for what in answer]
