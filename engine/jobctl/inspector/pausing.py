"""Pausing queues. A pause holds for all workers, within a second, and costs them nothing while it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobctl.broker import keys
from jobctl.inspector import audit

if TYPE_CHECKING:
    from redis.asyncio import Redis


async def pause(redis: Redis, queue: str, *, actor: str | None = None) -> bool:
    """Let no worker start jobs of a queue any more; running ones go on. Return whether it was not paused before."""
    changed = bool(await redis.set(keys.QueueKeys(queue).paused, 1, nx=True))
    if changed:
        await audit.record(redis, audit.Action.QUEUE_PAUSE, target=queue, count=1, actor=actor)
    return changed


async def resume(redis: Redis, queue: str, *, actor: str | None = None) -> bool:
    """Let workers start jobs of a queue again, and wake them. Return whether it was paused."""
    changed = bool(await redis.delete(keys.QueueKeys(queue).paused))
    await redis.publish(keys.WAKE, queue)
    if changed:
        await audit.record(redis, audit.Action.QUEUE_RESUME, target=queue, count=1, actor=actor)
    return changed
