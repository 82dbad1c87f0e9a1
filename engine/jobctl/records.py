"""Job records: the typed view of what the broker stores about one job.

The stored form is SAQ's own JSON (`saq:job:{queue}:{key}`). No top-level field is ever added to it: stock SAQ
builds `Job(**record)` and would stop on one. What jobctl knows beyond SAQ stands in ``meta["jobctl"]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

META = "jobctl"  # the one key of `meta` that is ours
HISTORY_LIMIT = 25  # attempts kept in a record; older ones make room, their count stays in `attempts`
ERROR_LIMIT = 8_192  # characters of traceback kept per attempt (SAQ hazard F1: records that only grow)


class JobState(StrEnum):
    """The states shown to people. SAQ's seven map onto them, see `ARCHITECTURE.md`."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    ACTIVE = "active"
    RETRYING = "retrying"
    COMPLETE = "complete"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to a job in this state."""
        return self in (JobState.COMPLETE, JobState.DEAD, JobState.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one delivery of a job ended.

    ``outcome`` is ``complete``, ``retry``, ``dead``, ``cancelled`` (a handler's outcome, numbered by ``attempt``),
    or ``lost`` (its worker died) or ``interrupted`` (its worker shut down), which spend no retry: ``attempt`` 0.
    """

    attempt: int
    outcome: str
    at_ms: int
    started_ms: int = 0
    error: str | None = None
    worker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job as the broker holds it. Times are milliseconds since the epoch, 0 = not yet."""

    key: str
    type: str
    queue: str
    state: JobState
    payload: Mapping[str, Any]
    attempts: int
    """Attempts whose handler has ended; a running one is not counted yet."""
    max_attempts: int
    timeout_s: float
    retention_s: float
    """Seconds the record is kept once final: 0 = for ever, negative = not at all (SAQ's `ttl`)."""
    enqueued_ms: int
    started_ms: int
    completed_ms: int
    due_ms: int
    """When a scheduled or retrying job is due."""
    touched_ms: int
    progress: float
    result: Any
    error: str | None
    worker: str | None
    history: tuple[Attempt, ...] = ()
    crashes: int = 0
    """Deliveries that ended with the loss of their worker."""
    interruptions: int = 0
    """Deliveries that a shutdown handed back."""
    origin: str | None = None
    """Key of the job this one replays."""
    replays: tuple[str, ...] = ()
    """Keys of the jobs that replay this one."""
    schedule: str | None = None
    """Id of the schedule that made this job."""
    tags: tuple[str, ...] = ()
    """What its enqueue called it; the tags that its spec declares are the plan's to tell."""
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def deliveries(self) -> int:
        """Times the job was handed to a worker."""
        return self.attempts + self.crashes + self.interruptions + (self.state is JobState.ACTIVE)

    @property
    def wait_ms(self) -> int | None:
        """Milliseconds between enqueue and the latest start."""
        return self.started_ms - self.enqueued_ms if self.started_ms and self.enqueued_ms else None

    @property
    def run_ms(self) -> int | None:
        """Milliseconds the latest attempt ran."""
        return self.completed_ms - self.started_ms if self.completed_ms and self.started_ms else None
