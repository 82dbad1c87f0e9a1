"""Acting on many jobs batch by batch: at a rate, told as it goes, stopped between batches only, and noted.

However a work ends, by itself, by an error or by Ctrl-C, the audit log knows how much of it was done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from jobctl.broker.connect import translate_errors
from jobctl.inspector import audit
from jobctl.inspector.audit import Action
from jobctl.inspector.deeds import Target
from jobctl.inspector.pace import Pace

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Outcome(Protocol):
    """What became of one job."""

    @property
    def reason(self) -> str | None:
        """Why nothing was done, or None."""


T = TypeVar("T", bound=Outcome)
FIRST_NOTE_S, LAST_NOTE_S = 2.0, 60.0
"""A long work is noted as it goes on, first after so long, then at intervals twice as long, up to the last: if it is
killed, the audit log knows of it, and of half of it at least."""
SHOWN_KEYS = 20  # of jobs named one by one, in the audit log


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the audit log is to say of a work, but for how many jobs.

    Attributes:
        target: the filter that chose the jobs; None = their keys.
        actor: who, or None for whoever runs this process.
    """

    action: Action
    target: str | None
    actor: str | None
    detail: Mapping[str, Any] = field(default_factory=dict)


async def in_batches(
    redis: Redis,
    targets: Sequence[Target],
    act: Callable[[Sequence[Target]], Awaitable[list[T]]],
    note: Note,
    *,
    pace: Pace,
    tell: Callable[[Sequence[T]], None] | None,
) -> list[T]:
    """Act on jobs, and return what became of each.

    Args:
        redis: where the audit log is.
        targets: the jobs.
        act: does it to a batch.
        note: for the audit log.
        pace: how large a batch is, and when the next may begin.
        tell: is told what became of each batch, also of one that an interruption let through.

    Raises:
        BrokerError: the broker refused, or does not answer. The batches before are done.
    """
    outcomes: list[T] = []
    noted_at, every_s, unnoted = monotonic(), FIRST_NOTE_S, 0

    async def write_note() -> None:
        nonlocal noted_at, unnoted
        if unnoted:
            target = note.target or ", ".join(each.key for each in targets[:SHOWN_KEYS]) or "all"
            count, unnoted, noted_at = unnoted, 0, monotonic()
            await audit.record(redis, note.action, target=target, count=count, actor=note.actor, detail=note.detail)

    async def deal_with(batch: Sequence[Target]) -> None:
        nonlocal unnoted
        with translate_errors():
            answers = await act(batch)
        outcomes.extend(answers)
        unnoted += sum(answer.reason is None for answer in answers)
        if tell:
            tell(answers)

    try:
        for start in range(0, len(targets), pace.batch):
            batch = targets[start : start + pace.batch]
            await pace.turn(len(batch))
            await _to_its_end(deal_with(batch))
            if monotonic() - noted_at > every_s:
                await write_note()
                every_s = min(2 * every_s, LAST_NOTE_S)
    finally:
        await _to_its_end(write_note())
    return outcomes


async def _to_its_end(work: Awaitable[None]) -> None:
    """Do something that is not to be left halfway: a cancellation waits for its end."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error from None
        raise
