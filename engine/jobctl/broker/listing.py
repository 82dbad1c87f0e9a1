"""Ids of one queue's jobs from its indexes, page by page, for SAQ's way of looking (ours is `jobctl.inspector`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from jobctl.broker.keys import QueueKeys

if TYPE_CHECKING:
    from redis.asyncio import Redis


async def index_ids(redis: Redis, index: str, batch_size: int) -> AsyncIterator[list[str]]:
    """Yield the ids in a sorted set in batches, in no order; what is in it throughout is yielded."""
    cursor = 0
    while True:
        cursor, entries = await redis.zscan(index, cursor, count=batch_size)
        if entries:
            yield [job_id.decode() for job_id, _ in entries]
        if not cursor:
            return


async def unfinished_ids(redis: Redis, of: QueueKeys, offset: int, limit: int) -> list[str]:
    """Return a page of the unfinished jobs: the active ones, the queued in their order, then the scheduled by time."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.llen(of.active)
        pipe.llen(of.queued)
        lengths = await pipe.execute()
    async with redis.pipeline(transaction=False) as pipe:
        for name, length in zip((of.active, of.queued), lengths, strict=True):
            taken = max(min(length - offset, limit), 0)
            if taken:
                pipe.lrange(name, offset, offset + taken - 1)
            limit -= taken
            offset = max(offset - length, 0)
        if limit > 0:
            pipe.zrangebyscore(of.incomplete, "(0", "+inf", start=offset, num=limit)
        pages = await pipe.execute()
    return [job_id.decode() for page in pages for job_id in page]
