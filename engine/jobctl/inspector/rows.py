"""Reading many records at once, with what stands beside them, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from jobctl.broker.keys import QueueKeys, split_job_id
from jobctl.broker.record import read_record
from jobctl.records import JobRecord, JobState

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline
    from redis.client import Pipeline as BlockingPipeline

COLUMNS = 7  # what is read beside the records, a queue
WAITING = (JobState.QUEUED, JobState.SCHEDULED, JobState.RETRYING)
_UNREADABLE = (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the broker holds about one id.

    Attributes:
        raw: the record, or None if there is none.
        due_ms: from the index of unfinished jobs; 0 = due, None = not in it.
        is_retrying: whether it waits for a retry.
        poison: bytes that a worker found in place of a record and moved aside, or None.
    """

    id: str
    raw: bytes | None
    due_ms: int | None
    is_retrying: bool
    crashes: int
    interruptions: int
    losses: bytes | None
    replays: tuple[str, ...]
    poison: bytes | None

    def record(self, state: JobState | None = None) -> JobRecord | None:
        """Return the record, one that says why it cannot be read, or None if there is none.

        Args:
            state: what a job that cannot be read is taken for; None = queued or scheduled while it is among the
                unfinished, else dead.
        """
        if self.raw is None:
            if self.poison is None:
                return None
            return self._unreadable("a worker moved it aside: it was no job record", self.poison, state)
        try:
            found = read_record(
                self.id,
                self.raw,
                due_ms=self.due_ms or 0,
                crashes=self.crashes,
                interruptions=self.interruptions,
                losses=self.losses,
            )
        except _UNREADABLE as error:
            return self._unreadable(f"the record cannot be read: {error}", self.raw, state)
        return replace(found, replays=self.replays) if self.replays else found

    def _unreadable(self, reason: str, raw: bytes, state: JobState | None) -> JobRecord:
        blank = read_record(self.id, b"{}", due_ms=self.due_ms or 0)
        state = state or (JobState.DEAD if self.due_ms is None else blank.state)
        return replace(blank, state=state, error=f"{reason}\nit begins with: {raw[:80]!r}")


async def read_rows(redis: Redis, ids: Sequence[str]) -> list[Row]:
    """Read records and what stands beside them, in one round trip, in the order of their ids."""
    if not ids:
        return []
    pipe = redis.pipeline(transaction=False)
    ask_rows(pipe, ids)
    return take_rows(ids, await pipe.execute())


def ask_rows(pipe: Pipeline | BlockingPipeline, ids: Sequence[str]) -> None:
    """Put the commands that read these ids (at least one) into a pipeline of either client."""
    pipe.mget(ids)
    for queue, own in _by_queue(ids).items():
        of = QueueKeys(queue)
        pipe.zmscore(of.incomplete, own)
        pipe.zmscore(of.retrying, own)
        for name in (of.crashes, of.interruptions, of.losses, of.replays, of.poison):
            pipe.hmget(name, own)


def take_rows(ids: Sequence[str], answers: Sequence[Any]) -> list[Row]:
    """Return the rows that a pipeline filled by `ask_rows` brought."""
    raws, *columns = answers
    beside: dict[str, Sequence[Any]] = {}
    for place, own in enumerate(_by_queue(ids).values()):
        beside.update(zip(own, zip(*columns[COLUMNS * place : COLUMNS * (place + 1)], strict=True), strict=True))
    return [_row(job, raw, beside[job]) for job, raw in zip(ids, raws, strict=True)]


def _by_queue(ids: Sequence[str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for job in ids:
        grouped.setdefault(split_job_id(job)[0], []).append(job)
    return grouped


def _row(job: str, raw: bytes | None, beside: Sequence[Any]) -> Row:
    due_s, retry_ms, crashes, interruptions, losses, replays, poison = beside
    return Row(
        id=job,
        raw=raw,
        due_ms=None if due_s is None else round(float(due_s) * 1000),
        is_retrying=retry_ms is not None,
        crashes=int(crashes or 0),
        interruptions=int(interruptions or 0),
        losses=losses,
        replays=tuple(replays.decode().split()) if replays else (),
        poison=poison,
    )


def as_found(record: JobRecord, state: JobState) -> JobRecord | None:
    """Return a record in the state of the index it was found in, or None if it has moved on since.

    Index and record are read one after the other, and a job does not wait for its reader. What lies in an index for
    good is shown even where its record says otherwise: an orphan in the active list still says `queued`. An ended
    job whose key is in use again is no longer what its index says, even before that is tidied up.
    """
    if state.is_final:
        fits = record.state is state
    elif state is JobState.ACTIVE:
        # a job being cancelled has not ended before it says when
        fits = not (record.state.is_final and record.completed_ms)
    elif state is JobState.QUEUED:
        fits = record.state in WAITING
    else:
        fits = record.state in (JobState.SCHEDULED, JobState.RETRYING)
    if not fits:
        return None
    return record if record.state is state else replace(record, state=state)
