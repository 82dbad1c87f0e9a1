"""From what a caller says to batches of sealed jobs. Pure.

Both clients do this part alike and differ only in how they talk to the broker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from jobctl import tracing
from jobctl.broker.envelope import new_key, seal
from jobctl.broker.plain import PlainJob, Stencil, new_keys, stencil
from jobctl.client.batch import Batch, Prepared
from jobctl.client.jobs import Enqueued, NewJob
from jobctl.client.options import attempts, checked_tags, due, seconds
from jobctl.clock import Clock, SystemClock
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Registration
from jobctl.errors import UsageError
from jobctl.names import did_you_mean

BATCH_JOBS = 500  # in one script call: keeps the server's stop for it around a few ms
BATCH_BYTES = 4 * 1024 * 1024  # of records in one call, whatever their number
KEY_LIMIT = 256  # characters
KEYS_AT_ONCE = 50  # drawn together while a batch is prepared

_encode = msgspec.json.Encoder().encode


class Recipe(msgspec.Struct, frozen=True, eq=False):
    """What it takes to prepare the jobs of one registration."""

    registration: Registration
    schema: PayloadSchema
    stencil: Stencil | None


class Preparer:
    """Checks new jobs against a plan and seals them.

    Args:
        plan: the compiled spec.
        clock: for the due time reported to the caller.
    """

    def __init__(self, plan: Plan, clock: Clock | None = None) -> None:
        self.plan = plan
        self._clock = clock or SystemClock()
        self._recipes: dict[str, Recipe] = {}

    def prepare(self, new: NewJob, fresh_key: str | None = None, *, is_traced: bool | None = None) -> Prepared:
        """Check one job and seal it.

        Args:
            new: the job.
            fresh_key: its key if it brings none, from `new_keys`; None = draw one.
            is_traced: `jobctl.tracing.is_on`, where the caller has asked for many; None = ask.

        Raises:
            UnknownJob: the plan has no such job.
            PayloadError: the payload does not fit its declaration; all problems are named.
            UsageError: an option cannot be.
        """
        recipe = self._recipes.get(new.job) or self._learn(new.job)
        payload = recipe.schema.normalise(new.payload)
        stencil = recipe.stencil
        if is_traced if is_traced is not None else tracing.is_on():
            return self._seal_traced(new, recipe.registration, payload)
        if stencil is None or new.has_options:
            return self._seal(new, recipe.registration, payload)
        key = fresh_key or new_key()
        text = _encode(payload).decode()
        receipt = Enqueued(key=key, queue=stencil.queue, type=stencil.type)
        return Prepared(PlainJob(stencil, key, text), receipt, len(stencil.head) + len(text))

    def _learn(self, job: str) -> Recipe:
        registration = self.plan.registration(job)
        schema = PayloadSchema(registration.name, registration.payload)
        recipe = self._recipes[job] = Recipe(registration, schema, stencil(registration))
        return recipe

    def _seal_traced(self, new: NewJob, registration: Registration, payload: dict[str, Any]) -> Prepared:
        key = new.key if new.key is not None else new_key()
        trace = tracing.created(registration.name, new.queue or registration.queue, key)
        return self._seal(new, registration, payload, key=key, meta={tracing.TRACE: trace})

    def _seal(
        self,
        new: NewJob,
        registration: Registration,
        payload: dict[str, Any],
        *,
        key: str | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> Prepared:
        key = new.key if key is None else key
        delay_ms, at_ms = due(new.delay, new.at)
        envelope = seal(
            registration,
            payload,
            key=None if key is None else _checked_key(key),
            queue=None if new.queue is None else self._checked_queue(new.queue),
            attempts=attempts(new.retries),
            timeout_s=None if new.timeout is None else seconds("timeout", new.timeout),
            retention_s=None if new.retention is None else seconds("retention", new.retention, allow_negative=True),
            delay_ms=delay_ms,
            at_ms=at_ms,
            unique=new.unique,
            meta={**(meta or {}), "tags": checked_tags(new.tags)} if new.tags else meta,
        )
        receipt = Enqueued(
            key=envelope.key, queue=envelope.queue, type=registration.type, due_ms=self._due_ms(delay_ms, at_ms)
        )
        return Prepared(envelope, receipt, len(envelope.record))

    def batches(self, jobs: Iterable[NewJob]) -> Iterator[Batch]:
        """Prepare jobs as they come, in batches of at most BATCH_JOBS jobs and about BATCH_BYTES bytes."""
        batch: list[Prepared] = []
        size = 0
        keys: list[str] = []
        is_traced = tracing.is_on()
        for new in jobs:
            if not keys:
                keys = new_keys(KEYS_AT_ONCE)
            prepared = self.prepare(new, keys.pop(), is_traced=is_traced)
            batch.append(prepared)
            size += prepared.size
            if len(batch) >= BATCH_JOBS or size >= BATCH_BYTES:
                yield Batch(batch)
                batch, size, is_traced = [], 0, tracing.is_on()
        if batch:
            yield Batch(batch)

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


def _checked_key(key: str) -> str:
    # A key is typed into command lines and stands in tables and Redis keys.
    is_text = isinstance(key, str) and 0 < len(key) <= KEY_LIMIT
    if not is_text or not key.isprintable() or any(map(str.isspace, key)):
        raise UsageError(
            f"`{str(key)[:40]}` cannot be a job's key", hint=f"use 1 to {KEY_LIMIT} printable characters without spaces"
        )
    return key
