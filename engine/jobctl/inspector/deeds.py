"""What can be done to jobs, to which of them, and what became of each. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from jobctl.broker.keys import job_id, split_job_id
from jobctl.errors import JobStateError
from jobctl.inspector.query import moment_ms
from jobctl.records import JobRecord, JobState

REASON: Final = "cancelled by an operator"
FINAL: Final = frozenset(state for state in JobState if state.is_final)
UNFINISHED: Final = frozenset(JobState) - FINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A job that something is to be done to.

    Attributes:
        id: of its record.
        at_ms: what its age counts from, ms since the epoch.
    """

    id: str
    type: str
    state: JobState
    at_ms: int

    @property
    def queue(self) -> str:
        """The queue it is in."""
        return split_job_id(self.id)[0]

    @property
    def key(self) -> str:
        """Its key."""
        return split_job_id(self.id)[1]

    @classmethod
    def of(cls, record: JobRecord) -> Target:
        """Return the target that a record is."""
        return cls(id=job_id(record.queue, record.key), type=record.type, state=record.state, at_ms=moment_ms(record))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one job that was to be cancelled or deleted.

    Attributes:
        what: ``cancelled``, ``cancelling`` (its worker has been told), ``deleted``; "" = nothing was done.
        reason: why nothing was done, or None.
    """

    key: str
    queue: str
    type: str
    what: str = ""
    reason: str | None = None

    @property
    def error(self) -> JobStateError | None:
        """The same reason, as an error."""
        return None if self.reason is None else JobStateError(f"job `{self.key}`: {self.reason}")


class Deed(StrEnum):
    """What is done to jobs, in the words of a command line."""

    REPLAY = "replay"
    CANCEL = "cancel"
    DELETE = "delete"
    WAIT = "wait"

    @property
    def past(self) -> str:
        """What is said of jobs it was done to."""
        return {"replay": "replayed", "cancel": "cancelled", "delete": "deleted", "wait": "waited for"}[self]

    @property
    def possible(self) -> frozenset[JobState]:
        """The states of jobs that it can be done to."""
        match self:
            case Deed.REPLAY:
                return FINAL
            case Deed.DELETE:
                return frozenset(JobState) - {JobState.ACTIVE}
        return UNFINISHED

    @property
    def usual(self) -> frozenset[JobState]:
        """The states that are meant where a filter names none."""
        match self:
            case Deed.REPLAY:
                return frozenset({JobState.DEAD})
            case Deed.DELETE:
                return FINAL
        return UNFINISHED

    def foresee(self, target: Target) -> Change:
        """Return what would become of a job, as far as its state tells."""
        change = Change(key=target.key, queue=target.queue, type=target.type)
        if target.state in self.possible:
            return replace(change, what=self.past)
        return replace(change, reason="it runs" if target.state is JobState.ACTIVE else f"it is {target.state}")
