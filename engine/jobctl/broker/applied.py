"""The plan that runs on a broker: the facts of it that the last worker to start, or to take a new spec, left there.

One a broker: where several applications share one, it is the one that was started last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from jobctl.broker.keys import PLAN
from jobctl.broker.server_clock import ask_time

if TYPE_CHECKING:
    from redis.asyncio import Redis


@dataclass(frozen=True, slots=True)
class AppliedPlan:
    """What a worker left.

    Attributes:
        facts: of the plan, see `jobctl.compiler.facts`.
        worker: id of the worker.
        at_ms: when, ms since the epoch by the broker's clock.
    """

    facts: dict[str, Any]
    worker: str
    at_ms: int


async def write_plan(server: Redis, facts: Mapping[str, Any], worker: str) -> None:
    """Leave the facts of a plan for `jobctl spec plan`, unless they are there.

    Workers of one fleet start with the same plan; the first of them is told.
    """
    stored = await read_plan(server)
    if stored is not None and stored.facts == facts:
        return
    seconds, micros = await ask_time(server)
    told = {"facts": facts, "worker": worker, "at_ms": seconds * 1000 + micros // 1000}
    await server.set(PLAN, msgspec.json.encode(told))


async def read_plan(server: Redis) -> AppliedPlan | None:
    """Return the plan that runs there, or None if no worker has left one."""
    raw = await server.get(PLAN)
    if raw is None:
        return None
    try:
        told = msgspec.json.decode(raw)
        return AppliedPlan(facts=dict(told["facts"]), worker=str(told["worker"]), at_ms=int(told["at_ms"]))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None  # of a version of jobctl that wrote it otherwise
