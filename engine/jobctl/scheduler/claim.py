"""Claims: a tick and its job, in the one envelope that the script `enqueue` takes or refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from jobctl.broker.envelope import Envelope, pack, seal, unpack
from jobctl.broker.record import encode
from jobctl.broker.scripts import source
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Schedule
from jobctl.scheduler.ticks import jitter_ms

if TYPE_CHECKING:
    from redis.asyncio import Redis

BATCH = 100  # claims in one call: keeps the server's stop for it short


class Answer(StrEnum):
    """What became of a claim."""

    STORED = "stored"
    CLAIMED = "claimed"
    """Another scheduler, or an earlier call, has this tick."""
    PAUSED = "paused"
    SKIPPED = "skipped"
    """The earlier run has not ended."""
    WAITING = "waiting"
    """It runs when the earlier run has ended."""
    MISSED = "missed"
    """It was noted as not made up for."""
    DONE = "done"
    """Backfill: this tick has run before."""
    FUTURE = "future"
    """Backfill: this tick has not come yet."""
    LOCKED = "locked"
    """A job of the same unique lock, or of the same key, has not ended."""


def claim(
    plan: Plan,
    schedule: Schedule,
    tick_ms: int,
    *,
    how: str = "tick",
    count: int = 1,
    key: str = "",
    force: bool = False,
) -> Envelope:
    """Return the envelope of a tick's job.

    Args:
        plan: the schedule's.
        schedule: whose tick it is.
        tick_ms: its nominal time.
        how: ``tick`` in its time, ``missed`` to note it only, ``waited`` once the earlier run has ended, ``hand`` for a
            run that is asked for, ``backfill`` for a tick of the past.
        count: ticks that it stands for.
        key: the job's key; by default it tells the schedule and the tick.
        force: whatever ran or runs.
    """
    registration = plan.by_name[schedule.job]
    payload = PayloadSchema(registration.name, registration.payload).normalise(schedule.payload)
    key = key or tick_key(schedule.id, tick_ms)
    delay_ms = jitter_ms(schedule, tick_ms) if how == "tick" else 0
    sealed = seal(
        registration,
        payload,
        key=key,
        queue=schedule.queue,
        at_ms=tick_ms + delay_ms if delay_ms else 0,
        meta={"schedule": {"id": schedule.id, "tick_ms": tick_ms}},
    )
    body = {"id": schedule.id, "key": key, "tick_ms": tick_ms, "how": how, "overlap": schedule.overlap, "count": count}
    return replace(sealed, claim=encode({**body, "force": True} if force else body))


def tick_key(schedule_id: str, tick_ms: int) -> str:
    """Return the key of a tick's job."""
    return f"cron:{schedule_id}:{tick_ms // 1000}"


class Claims:
    """Sends claims to the broker."""

    def __init__(self, server: Redis) -> None:
        self._store = server.register_script(source("enqueue"))

    async def send(self, envelopes: Sequence[Envelope], tell: Callable[[int], object] | None = None) -> list[Answer]:
        """Return what became of each, in order; ``tell`` is told after each batch how many have been sent."""
        answers: list[Answer] = []
        for start in range(0, len(envelopes), BATCH):
            keys, args = pack(envelopes[start : start + BATCH])
            answers += map(_answer, unpack(await self._store(keys=keys, args=args)))
            if tell is not None:
                tell(len(answers))
        return answers


def _answer(holder: str | None) -> Answer:
    if holder is None:
        return Answer.STORED
    return Answer.LOCKED if holder.startswith("saq:") else Answer(holder)
