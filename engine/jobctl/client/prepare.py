"""From what a caller says to envelopes, and from the broker's answers to what the caller gets. Pure.

Both clients do this part alike and differ only in how they talk to the broker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jobctl.broker.envelope import Envelope, seal
from jobctl.broker.keys import job_id, split_job_id
from jobctl.client.options import Duration, attempts, due, seconds
from jobctl.clock import Clock, SystemClock
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Registration
from jobctl.errors import DuplicateJob, UsageError
from jobctl.names import did_you_mean

BATCH_JOBS = 500  # in one script call: keeps the server's stop for it around a few ms
BATCH_BYTES = 4 * 1024 * 1024  # of records in one call, whatever their number
KEY_LIMIT = 256  # characters


@dataclass(frozen=True, slots=True)
class NewJob:
    """One job to be enqueued. Options left out come from the spec.

    Attributes:
        job: name or type.
        payload: field -> value.
        queue: another queue of the spec than the job's own.
        delay: run this much later: ``"5m"``, a timedelta, or seconds.
        at: run at this time (with time zone); a past one means now. Not together with ``delay``.
        retries: retries after the first attempt, 0 or more.
        timeout: longest run of one attempt; 0 = no limit.
        retention: how long the record is kept once complete; 0 = for ever, negative seconds = not at all.
        key: the job's key, chosen by the caller; an unfinished job of the same key refuses this one.
        unique: False passes by the unique lock that the spec declares.
    """

    job: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    queue: str | None = field(default=None, kw_only=True)
    delay: Duration | None = field(default=None, kw_only=True)
    at: datetime | None = field(default=None, kw_only=True)
    retries: int | None = field(default=None, kw_only=True)
    timeout: Duration | None = field(default=None, kw_only=True)
    retention: Duration | None = field(default=None, kw_only=True)
    key: str | None = field(default=None, kw_only=True)
    unique: bool = field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """A job the broker has taken.

    Attributes:
        due_ms: when it is due, ms since the epoch (a delay counted by this machine's clock); 0 = now.
    """

    key: str
    queue: str
    type: str
    due_ms: int = 0

    @property
    def id(self) -> str:
        """The key of its record in Redis."""
        return job_id(self.queue, self.key)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job checked and sealed, and what its caller gets if the broker takes it."""

    envelope: Envelope
    receipt: Enqueued

    def settle(self, holder: str | None) -> Enqueued | DuplicateJob:
        """Return what the broker's answer means: None = stored, else the id of the job in the way."""
        if holder is None:
            return self.receipt
        queue, key = split_job_id(holder)
        if holder == self.receipt.id:
            text = f"job `{key}` is in queue `{queue}` already and has not ended"
        else:
            text = f"job `{key}` in queue `{queue}` holds the unique lock of this `{self.receipt.type}`"
        return DuplicateJob(
            text, holder=key, hint=f"`jobctl inspect {key}` shows it; once it has ended, the way is free"
        )


class Preparer:
    """Checks new jobs against a plan and seals them.

    Args:
        plan: the compiled spec.
        clock: for the due time reported to the caller.
    """

    def __init__(self, plan: Plan, clock: Clock | None = None) -> None:
        self.plan = plan
        self._clock = clock or SystemClock()
        self._schemas: dict[str, PayloadSchema] = {}

    def prepare(self, new: NewJob) -> Prepared:
        """Check one job and seal it.

        Raises:
            UnknownJob: the plan has no such job.
            PayloadError: the payload does not fit its declaration; all problems are named.
            UsageError: an option cannot be.
        """
        registration = self.plan.registration(new.job)
        payload = self._schema(registration).normalise(new.payload)
        delay_ms, at_ms = due(new.delay, new.at)
        envelope = seal(
            registration,
            payload,
            key=None if new.key is None else _checked_key(new.key),
            queue=None if new.queue is None else self._checked_queue(new.queue),
            attempts=attempts(new.retries),
            timeout_s=None if new.timeout is None else seconds("timeout", new.timeout),
            retention_s=None if new.retention is None else seconds("retention", new.retention, allow_negative=True),
            delay_ms=delay_ms,
            at_ms=at_ms,
            unique=new.unique,
        )
        receipt = Enqueued(
            key=envelope.key, queue=envelope.queue, type=registration.type, due_ms=self._due_ms(delay_ms, at_ms)
        )
        return Prepared(envelope, receipt)

    def batches(self, jobs: Iterable[NewJob]) -> Iterator[list[Prepared]]:
        """Prepare jobs as they come, in batches of at most BATCH_JOBS jobs and about BATCH_BYTES bytes."""
        batch: list[Prepared] = []
        size = 0
        for new in jobs:
            prepared = self.prepare(new)
            batch.append(prepared)
            size += len(prepared.envelope.record)
            if len(batch) >= BATCH_JOBS or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _schema(self, registration: Registration) -> PayloadSchema:
        schema = self._schemas.get(registration.type)
        if schema is None:
            schema = self._schemas[registration.type] = PayloadSchema(registration.name, registration.payload)
        return schema

    def _checked_queue(self, queue: str) -> str:
        if queue not in self.plan.queue_names:
            known = self.plan.queue_names
            raise UsageError(
                f"no queue `{queue}` is declared",
                code="queue.unknown",
                hint=did_you_mean(str(queue), known) or "declared queues: " + ", ".join(known),
            )
        return queue

    def _due_ms(self, delay_ms: int, at_ms: int) -> int:
        now_ms = int(self._clock.time() * 1000)
        if delay_ms:
            return now_ms + delay_ms
        return at_ms if at_ms > now_ms else 0


def settle(batch: Sequence[Prepared], holders: Sequence[str | None]) -> list[Enqueued | DuplicateJob]:
    """Return what the broker's answers to one batch mean, in the batch's order."""
    return [prepared.settle(holder) for prepared, holder in zip(batch, holders, strict=True)]


def _checked_key(key: str) -> str:
    # A key is typed into command lines and stands in tables and Redis keys.
    is_text = isinstance(key, str) and 0 < len(key) <= KEY_LIMIT
    if not is_text or not key.isprintable() or any(map(str.isspace, key)):
        raise UsageError(
            f"`{str(key)[:40]}` cannot be a job's key", hint=f"use 1 to {KEY_LIMIT} printable characters without spaces"
        )
    return key
