"""The case: what several checks look at, asked for once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.broker.connect import translate_errors, url_of
from jobctl.errors import BrokerError, BrokerUnreachable
from jobctl.inspector.survey import survey

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.clock import Clock
    from jobctl.compiler.plan import Plan
    from jobctl.inspector.status import Overview

WINDOW_S = 300  # of the rates: what has been mended longer ago is no news


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One broker and its workers, at one moment.

    Attributes:
        redis: an asyncio client.
        plan: the specs, if there are any.
        is_embedded: jobctl runs this broker itself.
        info: what the server says of itself (INFO); empty where the user may not ask.
        overview: queues, their rates of the last 5 minutes, workers and schedules.
        skew_ms: how far this machine's clock is ahead of the broker's, give or take half of ``trip_ms``.
        trip_ms: how long a question and its answer took.
    """

    redis: Redis
    plan: Plan | None
    is_embedded: bool
    info: Mapping[str, Any]
    overview: Overview
    skew_ms: float
    trip_ms: float

    async def setting(self, name: str) -> str | None:
        """Return a setting of the server; None where it does not tell (managed services hide CONFIG)."""
        try:
            with translate_errors():
                found = await self.redis.config_get(name)
        except BrokerUnreachable:
            raise
        except BrokerError:
            return None
        values = {_text(key): _text(value) for key, value in found.items()}
        return values.get(name)

    def number(self, name: str) -> int | None:
        """Return a whole number of INFO, None if it is not there."""
        value = self.info.get(name)
        return value if isinstance(value, int) else None


async def open_case(redis: Redis, plan: Plan | None, *, is_embedded: bool, clock: Clock) -> Case:
    """Ask for what several checks look at: six round trips.

    Raises:
        BrokerUnreachable: no broker answers.
        BrokerError: it refuses even the reading of queues and workers.
    """
    with translate_errors(url_of(redis)):
        await redis.ping()  # type: ignore[misc]  # the first command also connects, which is no part of the trip
        sent_at, sent_s = time.perf_counter(), clock.time()
        seconds, micros = await redis.time()
        trip_ms = (time.perf_counter() - sent_at) * 1000
        overview = await survey(redis, plan, queues=True, window_s=WINDOW_S, workers=True, schedules=True)
    try:
        with translate_errors():
            info: Mapping[str, Any] = await redis.info("everything")
    except BrokerUnreachable:
        raise
    except BrokerError:
        info = {}
    return Case(
        redis=redis,
        plan=plan,
        is_embedded=is_embedded,
        info=info,
        overview=overview,
        skew_ms=sent_s * 1000 + trip_ms / 2 - (seconds * 1000 + micros / 1000),
        trip_ms=trip_ms,
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
