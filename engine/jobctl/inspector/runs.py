"""Replays by a filter that have begun and not ended: what it takes to go on with one after an interruption.

What has been replayed is known by each job itself. A run adds what was meant: the filter with the time its ages count
to, and the changes. Jobs that ended after it began are not its own, so that a replay that died again is not repeated.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from jobctl.broker.keys import REPLAY_RUNS
from jobctl.errors import UsageError
from jobctl.names import did_you_mean

if TYPE_CHECKING:
    from redis.asyncio import Redis

KEPT_MS = 7 * 86_400_000  # a run that nobody went on with for so long is forgotten when the next begins
LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRun:
    """A replay by a filter.

    Attributes:
        id: what it is gone on with by.
        wanted: the filter, as text.
        at_ms: when it began, by the broker's clock.
        queue: the queue the new jobs go to; None = that of their origins.
        changes: payload field -> its new value as text.
        rate_per_s: jobs a second at most, or None.
    """

    id: str
    wanted: str
    at_ms: int
    queue: str | None = None
    changes: dict[str, str] = field(default_factory=dict)
    rate_per_s: float | None = None


async def begin_run(
    redis: Redis, wanted: str, *, queue: str | None, changes: Mapping[str, str], rate_per_s: float | None
) -> ReplayRun:
    """Return a new run that begins now, by the broker's clock; nothing is stored of it yet."""
    seconds, microseconds = await redis.time()
    return ReplayRun(
        id=f"r{os.urandom(4).hex()}",
        wanted=wanted,
        at_ms=seconds * 1000 + microseconds // 1000,
        queue=queue,
        changes=dict(changes),
        rate_per_s=rate_per_s,
    )


async def open_run(redis: Redis, run: ReplayRun) -> None:
    """Note that a run begins, or goes on; forget those of a week ago."""
    old = [each.id for each in await open_runs(redis) if each.at_ms < run.at_ms - KEPT_MS]
    async with redis.pipeline(transaction=False) as pipe:
        pipe.hset(REPLAY_RUNS, run.id, msgspec.json.encode(run).decode())
        if old:
            pipe.hdel(REPLAY_RUNS, *old)
        await pipe.execute()


async def close_run(redis: Redis, run: ReplayRun) -> None:
    """Note that a run has done its work."""
    await redis.hdel(REPLAY_RUNS, run.id)  # type: ignore[misc]  # the stubs say: or no awaitable


async def open_runs(redis: Redis) -> list[ReplayRun]:
    """Return the runs that have not done their work, the latest first."""
    stored: dict[bytes, bytes] = await redis.hgetall(REPLAY_RUNS)  # type: ignore[misc]  # as above
    runs = [msgspec.json.decode(raw, type=ReplayRun) for raw in stored.values()]
    return sorted(runs, key=lambda run: run.at_ms, reverse=True)


async def find_run(redis: Redis, name: str) -> ReplayRun:
    """Return a run by its id, or the ``last``.

    Raises:
        UsageError: there is none, or it has done its work.
    """
    runs = await open_runs(redis)
    for run in runs:
        if name in (run.id, LAST):
            return run
    known = [run.id for run in runs]
    raise UsageError(
        f"no replay `{name}` was interrupted" if name != LAST else "no replay was interrupted",
        code="replay.unknown",
        hint=did_you_mean(name, known) or (f"interrupted: {', '.join(known)}" if known else None),
    )
