"""What has been told of each alert, kept with the broker: any worker may go on where another has ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from jobctl.broker import keys

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Told(msgspec.Struct, frozen=True):
    """What was told of an alert. Times are ms since the epoch by the broker's clock, 0 = never.

    Attributes:
        told_ms: of the latest message.
        seen_ms: up to which deaths have been told of.
        is_firing: it was told, and has not been told to be over.
    """

    told_ms: int = 0
    seen_ms: int = 0
    is_firing: bool = False


_decode = msgspec.json.Decoder(Told).decode


async def read(redis: Redis, names: Iterable[str]) -> dict[str, Told]:
    """Return what was told, by alert; nothing for those that were never looked at."""
    wanted = list(names)
    raws = await redis.hmget(keys.ALERTS, wanted) if wanted else []  # type: ignore[misc]  # the stubs say: or no awaitable
    found: dict[str, Told] = {}
    for name, raw in zip(wanted, raws, strict=True):
        try:
            found[name] = _decode(raw or b"")
        except msgspec.MsgspecError:
            continue  # never, or by a version that wrote it otherwise
    return found


async def write(redis: Redis, name: str, told: Told) -> None:
    """Keep what was told."""
    await redis.hset(keys.ALERTS, name, msgspec.json.encode(told).decode())  # type: ignore[misc]


async def is_watched(redis: Redis) -> bool:
    """Return whether any worker looks for alerts now."""
    return bool(await redis.exists(keys.ALERTS_WATCHER))


async def claim(redis: Redis, worker: str, life_ms: int) -> bool:
    """Return whether this worker is the one that looks for alerts from now on, for so long."""
    if await redis.set(keys.ALERTS_WATCHER, worker, nx=True, px=life_ms):
        return True
    if await redis.get(keys.ALERTS_WATCHER) != worker.encode():
        return False
    await redis.pexpire(keys.ALERTS_WATCHER, life_ms)
    return True
