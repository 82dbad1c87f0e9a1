"""What a worker under test did: one entry for every delivery that ended, in the order of their ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

from jobctl.durations import format_duration
from jobctl.records import JobRecord

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan


OUTCOMES = ("complete", "retry", "dead", "cancelled", "interrupted", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One delivery of a job.

    Attributes:
        job: the job's name.
        outcome: ``complete``, ``retry``, ``dead``, ``cancelled``, ``interrupted`` (handed back) or ``lost``.
        attempt: from 1.
        at: the broker's time when it started.
        result: what the handler returned; of a worker process, as JSON holds it.
        error: what it raised; a worker process tells only ``text``.
        text: the error as it is kept in the record, a traceback or a message.
        retry_in_s: seconds to the next attempt, of outcome ``retry``.
    """

    job: str
    key: str
    type: str
    queue: str
    outcome: str
    attempt: int
    max_attempts: int
    at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)
    result: Any = None
    error: BaseException | None = None
    text: str = ""
    retry_in_s: float | None = None

    def __str__(self) -> str:
        """One line for a person."""
        told = f"{self.job} {self.outcome}"
        if self.max_attempts > 1:
            told += f", attempt {self.attempt} of {self.max_attempts}"
        if self.retry_in_s is not None:
            told += f", again in {format_duration(round(self.retry_in_s, 3))}"
        last = self.text.strip().splitlines()[-1:] or [""]
        return f"{told}: {last[0]}" if last[0] else told


class Runs(Sequence[Ran]):
    """The deliveries that ended while somebody looked.

    Args:
        runs: in the order of their ends.
        plan: says which jobs there are.
    """

    def __init__(self, runs: Sequence[Ran] = (), plan: Plan | None = None) -> None:
        self._runs = tuple(runs)
        self._plan = plan

    def of(self, job: str) -> Runs:
        """Return those of one job, by its name or type.

        Raises:
            UnknownJob: there is no such job, so that it never could have run.
        """
        found = [ran for ran in self._runs if job in (ran.job, ran.type)]
        if not found and self._plan is not None:
            self._plan.registration(job)
        return Runs(found, self._plan)

    @property
    def outcomes(self) -> list[str]:
        """How each ended, in order."""
        return [ran.outcome for ran in self._runs]

    @property
    def counts(self) -> dict[str, int]:
        """Job name -> how many deliveries of it."""
        return dict(Counter(ran.job for ran in self._runs))

    def __add__(self, other: Sequence[Ran]) -> Runs:
        return Runs([*self._runs, *other], self._plan)

    @overload
    def __getitem__(self, index: int) -> Ran: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> Ran | Runs:
        return Runs(self._runs[index], self._plan) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Ran]:
        return iter(self._runs)

    def __repr__(self) -> str:
        if not self._runs:
            return "<nothing ran>"
        return "\n".join(f"{ran.at:%H:%M:%S} {ran}" for ran in self._runs)


def ran_of_record(record: JobRecord, outcome: str, names: Mapping[str, str], at: datetime, text: str = "") -> Ran:
    """Return the entry of a delivery that only the job's record tells of.

    Args:
        record: the job's.
        outcome: ``lost``, or ``dead`` when it has been lost too often.
        names: type -> name of the jobs.
        at: when.
        text: what is known; "" = what the record says.
    """
    return Ran(
        job=names.get(record.type, record.type),
        key=record.key,
        type=record.type,
        queue=record.queue,
        outcome=outcome,
        attempt=record.attempts + (outcome == "lost"),
        max_attempts=record.max_attempts,
        at=at,
        payload=record.payload,
        text=text or record.error or "",
    )
