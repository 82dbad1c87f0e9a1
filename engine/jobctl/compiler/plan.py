"""The plan: a compiled spec. Frozen, typed, without functions or connections, with a stable fingerprint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jobctl.errors import UnknownJob
from jobctl.names import did_you_mean
from jobctl.spec.model import (
    Alert,
    AlertEvent,
    Backoff,
    CatchUp,
    Hooks,
    Isolation,
    Overlap,
    PayloadField,
    Scheduling,
    Unique,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlan:
    """A queue, its weight, and the share of starts (0 to 1) it has while all queues have work.

    Attributes:
        reserved: slots of every worker that only this queue may use.
        max_running: jobs of this queue that one worker runs at most; None = no limit.
    """

    name: str
    weight: int
    share: float
    reserved: int = 0
    max_running: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One job type as the worker and the client know it. Durations are seconds.

    ``attempts`` is SAQ's own number for `retries` (total attempts): retries 5 -> attempts 6.
    """

    name: str
    type: str
    handler: str
    queue: str
    summary: str
    attempts: int
    timeout_s: float
    heartbeat_s: float
    retention_s: float
    dead_retention_s: float
    max_crashes: int
    backoff: Backoff
    unique: Unique | None
    payload: tuple[PayloadField, ...]
    alert: tuple[AlertEvent, ...]
    tags: tuple[str, ...]
    isolation: Isolation = Isolation.THREAD

    @property
    def retries(self) -> int:
        """Retries after the first attempt, as the spec says."""
        return self.attempts - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule of one job: its fields are those of `jobctl.spec.model.Cron`."""

    id: str
    job: str
    type: str
    queue: str
    expression: str
    timezone: str
    payload: dict[str, Any]
    catch_up: CatchUp
    catch_up_window_s: float = 0.0
    overlap: Overlap = Overlap.ALLOW
    jitter_s: float = 0.0
    start_ms: int = 0
    end_ms: int = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a worker, a client or a scheduler needs to know of a spec.

    Attributes:
        fingerprint: 16 hex digits, equal for equal meaning: file names, comments, key order and places do not count.
    """

    queues: tuple[QueuePlan, ...]
    scheduling: Scheduling
    registrations: tuple[Registration, ...]
    schedules: tuple[Schedule, ...]
    hooks: Hooks = field(default_factory=Hooks)
    alerts: tuple[Alert, ...] = ()
    thresholds: tuple[str, ...] = ()
    """What load tests must keep; nothing that runs depends on it."""
    fingerprint: str = ""

    @cached_property
    def by_name(self) -> dict[str, Registration]:
        """Registrations by job name."""
        return {registration.name: registration for registration in self.registrations}

    @cached_property
    def by_type(self) -> dict[str, Registration]:
        """Registrations by wire type."""
        return {registration.type: registration for registration in self.registrations}

    @cached_property
    def queue_names(self) -> tuple[str, ...]:
        """Queue names in declared order."""
        return tuple(queue.name for queue in self.queues)

    def registration(self, job: str) -> Registration:
        """Return the registration of a job, by name or by type.

        Raises:
            UnknownJob: neither a name nor a type; the hint names the nearest.
        """
        found = self.by_name.get(job) or self.by_type.get(job)
        if found is None:
            known: Iterable[str] = [*self.by_name, *self.by_type]
            hint = did_you_mean(job, known) or "declared jobs: " + ", ".join(sorted(self.by_name))
            raise UnknownJob(f"no job `{job}` is declared", hint=hint)
        return found


NOTHING = Plan(queues=(), scheduling=Scheduling.WEIGHTED, registrations=(), schedules=())
"""The plan of no spec, for clients that only look and wait."""
