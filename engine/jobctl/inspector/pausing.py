"""Pausing queues. A pause holds for all workers, within a second, and costs them nothing while it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobctl.broker import keys

if TYPE_CHECKING:
    from redis.asyncio import Redis


async def pause(redis: Redis, queue: str) -> bool:
    """Let no worker start jobs of a queue any more; running ones go on. Return whether it was not paused before."""
    return bool(await redis.set(keys.QueueKeys(queue).paused, 1, nx=True))


async def resume(redis: Redis, queue: str) -> bool:
    """Let workers start jobs of a queue again, and wake them. Return whether it was paused."""
    removed = await redis.delete(keys.QueueKeys(queue).paused)
    await redis.publish(keys.WAKE, queue)
    return bool(removed)
