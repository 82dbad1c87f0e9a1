"""What a scenario is. Times are seconds from its start, durations are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Jobs that are enqueued at one time.

    Attributes:
        name: what expectations and outcomes call the job; of several, ``name-1``, ``name-2`` ...
        is_refused: the enqueue is to be refused, because a unique lock is held.
    """

    at_s: float
    job: str
    name: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    delay_s: float | None = None
    queue: str | None = None
    is_refused: bool = False
    line: int = 0

    @property
    def names(self) -> list[str]:
        """The names of the jobs, which are their keys."""
        return [self.name] if self.count == 1 else [f"{self.name}-{n}" for n in range(1, self.count + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one run of a job ends; the kinds are `reading.KINDS`."""

    kind: str
    text: str = ""
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected at one time; what is left out may be anything.

    Attributes:
        jobs: job -> ``state``, ``attempts``, ``crashes``, ``delays`` (seconds), ``ran_at`` (seconds from the start).
        ran: job -> runs since the start.
        ticks: schedule -> ticks that made a job since the start.
        waiting: job -> how many are queued, scheduled or retrying.
        states: state -> how many jobs are in it.
        shares: queue -> starts among the first ``of``.
    """

    at_s: float
    jobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ran: Mapping[str, int] = field(default_factory=dict)
    ticks: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, int] = field(default_factory=dict)
    shares_of: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario.

    Attributes:
        outcomes: job, or name of a given one -> outcomes of its runs in order; the last repeats. Others complete.
        schedules: fire these only; None = all of the spec.
    """

    name: str
    file: Path
    line: int
    spec: tuple[str, ...]
    start: datetime = DEFAULT_START
    given: tuple[Given, ...] = ()
    outcomes: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)
    schedules: tuple[str, ...] | None = None
    concurrency: int = 1
    expect: tuple[Expected, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One thing that is not as expected.

    Attributes:
        at_s: when, seconds from the start.
        line: where the file says what was expected.
        what: ``acme: state``.
        details: further lines.
    """

    at_s: float
    line: int
    what: str
    expected: str
    got: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scenario that has been played; no mismatch = it passed."""

    scenario: Scenario
    mismatches: tuple[Mismatch, ...]
    took_s: float
