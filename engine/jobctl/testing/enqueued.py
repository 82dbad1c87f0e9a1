"""What is enqueued, compared with what a test expects; a failure shows what was there instead."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobctl.client.options import Duration, seconds
from jobctl.clock import utc
from jobctl.compiler.plan import Plan, Registration
from jobctl.durations import format_duration
from jobctl.errors import UsageError
from jobctl.names import did_you_mean
from jobctl.records import JobRecord, JobState
from jobctl.spec.forms import json_value
from jobctl.testing.broker import HarnessBroker

WAITING = (JobState.QUEUED, JobState.SCHEDULED, JobState.RETRYING)
NEAR_S = 1.0  # due times may differ by so much: SAQ keeps them in whole seconds
MOST_SHOWN = 10
LONGEST_VALUE, LONGEST_PAYLOAD = 80, 160  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a job must be like. What is left out may be anything.

    Attributes:
        where: payload field -> value, or a function that says whether a value will do; of an object or of the payload
            itself, the fields that are named.
        due_ms: when it is due, ms since the epoch.
    """

    registration: Registration
    where: Mapping[str, Any]
    queue: str | None
    due_ms: int | None
    now_ms: int

    def __str__(self) -> str:
        text = f"`{self.registration.name}`"
        if self.queue is not None:
            text += f" in queue {self.queue}"
        if self.due_ms is not None:
            text += f" due {self._moment(self.due_ms)}"
        if self.where:
            text += " with " + ", ".join(f"{name} = {_shown(value)}" for name, value in self.where.items())
        return text

    def misses(self, record: JobRecord) -> list[str]:
        """Return how a record differs from what is wanted; nothing = it does not."""
        found = [
            f"{name} is {_shown(record.payload[name])}" if name in record.payload else f"{name} is not given"
            for name, value in self.where.items()
            if name not in record.payload or not _fits(value, record.payload[name])
        ]
        if self.queue not in (None, record.queue):
            found.append(f"in queue {record.queue}")
        due_ms = record.due_ms or self.now_ms
        if self.due_ms is not None and abs(due_ms - self.due_ms) > NEAR_S * 1000:
            found.append(f"due {self._moment(due_ms)}")
        return found

    def _moment(self, at_ms: int) -> str:
        left_s = round((at_ms - self.now_ms) / 1000)
        return "now" if not left_s else f"in {format_duration(left_s)}" if left_s > 0 else f"at {utc(at_ms / 1000)}"


class Board:
    """What a test asks about the jobs that wait.

    Args:
        plan: the compiled spec.
        broker: the test's.
    """

    def __init__(self, plan: Plan, broker: HarnessBroker) -> None:
        self.plan = plan
        self.broker = broker

    def assert_enqueued(
        self,
        job: str,
        *,
        where: Mapping[str, Any] | None = None,
        queue: str | None = None,
        in_: Duration | None = None,
        at: datetime | None = None,
        count: int | None = None,
    ) -> JobRecord:
        """Insist that such a job waits: queued, scheduled or retrying. Return it, or the first of several.

        Args:
            job: its name or type.
            where: payload field -> value or function; fields not named may hold anything.
            queue: the queue it is in.
            in_: due so long after the clock's now, to the second.
            at: due at this time, to the second.
            count: so many of them, 1 or more; None = at least one.

        Raises:
            AssertionError: there is none, or not as many; the message shows what is there instead.
            UnknownJob: no spec declares the job.
            UsageError: the job has no such field, or there is no such queue: nothing could ever fit; or the time is
                given twice or without a time zone.
        """
        __tracebackhide__ = True
        if count is not None and count < 1:
            raise UsageError(f"`count={count}` is what `refute_enqueued` is for")
        wanted = self._wanted(job, where, queue, in_, at)
        waiting = self.broker.records(*WAITING)
        fitting = [record for record in self._of(wanted, waiting) if not wanted.misses(record)]
        if fitting if count is None else len(fitting) == count:
            return fitting[0]
        raise AssertionError(self._explain(wanted, waiting, fitting, count))

    def refute_enqueued(
        self,
        job: str,
        *,
        where: Mapping[str, Any] | None = None,
        queue: str | None = None,
        in_: Duration | None = None,
        at: datetime | None = None,
    ) -> None:
        """Insist that no such job waits; as `assert_enqueued`.

        Raises:
            AssertionError: there is one; the message shows it.
        """
        __tracebackhide__ = True
        wanted = self._wanted(job, where, queue, in_, at)
        found = [one for one in self._of(wanted, self.broker.records(*WAITING)) if not wanted.misses(one)]
        if found:
            lines = [f"expected no job {wanted} to be enqueued, and there {_are(len(found))}:"]
            raise AssertionError("\n".join([*lines, *self._lines(found, wanted)]))

    def _wanted(
        self,
        job: str,
        where: Mapping[str, Any] | None,
        queue: str | None,
        in_: Duration | None,
        at: datetime | None,
    ) -> Wanted:
        now_ms = self.broker.clock.now_ms
        if at is not None and in_ is not None:
            raise UsageError("a job is due `at` a time or `in_` a while: give one of them")
        if at is not None and at.tzinfo is None:
            raise UsageError(
                f"`at` is a time without a time zone: {at.isoformat()}", hint="`datetime(..., tzinfo=UTC)`"
            )
        due_ms = None if at is None else round(at.timestamp() * 1000)
        if in_ is not None:
            due_ms = now_ms + round(seconds("in_", in_) * 1000)
        registration = self.plan.registration(job)
        for name in where or {}:
            _insist(f"job `{registration.name}` has no field", name, [field.name for field in registration.payload])
        if queue is not None:
            _insist("there is no queue", queue, self.plan.queue_names)
        plain = {name: value if callable(value) else json_value(value) for name, value in (where or {}).items()}
        return Wanted(registration=registration, where=plain, queue=queue, due_ms=due_ms, now_ms=now_ms)

    @staticmethod
    def _of(wanted: Wanted, records: Sequence[JobRecord]) -> list[JobRecord]:
        return [record for record in records if record.type == wanted.registration.type]

    def _explain(
        self, wanted: Wanted, waiting: Sequence[JobRecord], fitting: Sequence[JobRecord], count: int | None
    ) -> str:
        if count is not None and fitting:
            jobs = "job" if count == 1 else "jobs"
            lines = [f"expected {count} {jobs} {wanted} to be enqueued, and there {_are(len(fitting))}:"]
            return "\n".join([*lines, *self._lines(fitting, wanted)])
        same = self._of(wanted, waiting)
        lines = [f"no job {wanted} is enqueued"]
        if same:
            lines += [f"`{wanted.registration.name}` is enqueued, but:", *self._lines(same, wanted)]
        others = Counter(self._name(record.type) for record in waiting if record not in same)
        if others:
            lines.append("enqueued besides: " + ", ".join(f"{times} {name}" for name, times in others.items()))
        if not waiting:
            lines.append("nothing is enqueued at all")
        ended = Counter(record.state for record in self._of(wanted, self.broker.records()) if record.state.is_final)
        if ended:
            told = ", ".join(f"{times} {state}" for state, times in ended.items())
            lines.append(f"`{wanted.registration.name}` has run already: {told}")
        return "\n".join(lines)

    def _lines(self, records: Sequence[JobRecord], wanted: Wanted) -> list[str]:
        lines = []
        for record in sorted(records, key=lambda one: len(wanted.misses(one)))[:MOST_SHOWN]:  # the nearest first
            differs = ", ".join(wanted.misses(record)) or f"{record.state} in queue {record.queue}"
            lines.append(f"  {differs}: {record.key} {_shown(dict(record.payload), LONGEST_PAYLOAD)}")
        if len(records) > MOST_SHOWN:
            lines.append(f"  and {len(records) - MOST_SHOWN} more")
        return lines

    def _name(self, job_type: str) -> str:
        registration = self.plan.by_type.get(job_type)
        return registration.name if registration else job_type


def _fits(wanted: Any, found: Any) -> bool:
    if callable(wanted):
        fits: Callable[[Any], Any] = wanted
        return bool(fits(found))
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(name in found and _fits(value, found[name]) for name, value in wanted.items())
    return bool(wanted == found)


def _are(count: int) -> str:
    return "is one" if count == 1 else f"are {count}"


def _shown(value: Any, longest: int = LONGEST_VALUE) -> str:
    if callable(value):
        return f"what {getattr(value, '__name__', 'a test')} accepts"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _insist(what: str, name: str, known: Sequence[str]) -> None:
    """Refuse a name that cannot be: what looks for it would find nothing for ever, and be content with that."""
    if name not in known:
        raise UsageError(
            f"{what} `{name}`", hint=did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"
        )
