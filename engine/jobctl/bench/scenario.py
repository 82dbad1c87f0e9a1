"""Scenarios: what is enqueued, how fast, and how it is measured. Plain data; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

BACKLOG = "backlog"
ARRIVALS = "arrivals"


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One part of a scenario, with workers of its own.

    Attributes:
        kind: `backlog`: jobs are enqueued first, then workers drain them; nothing is enqueued while they are measured.
            `arrivals`: jobs arrive at a constant rate whatever the workers do (an open workload).
        jobs: of a backlog (count).
        rate_per_s: of arrivals, jobs per second.
        duration_s: of arrivals.
        warm_up_s: of arrivals: jobs due in the first seconds do not count.
        burst_jobs: so many more jobs arrive at once ...
        burst_every_s: ... this often; 0 = no bursts.
    """

    kind: str
    jobs: int = 0
    rate_per_s: float = 0.0
    duration_s: float = 0.0
    warm_up_s: float = 0.0
    burst_jobs: int = 0
    burst_every_s: float = 0.0

    @property
    def total(self) -> int:
        """Jobs this phase enqueues (count)."""
        return self.jobs if self.kind == BACKLOG else sum(1 for _ in self.due_s())

    def due_s(self) -> Iterator[float]:
        """Yield when each job is to be sent, in seconds from the start, in order."""
        if self.kind == BACKLOG:
            yield from (0.0 for _ in range(self.jobs))
            return
        next_burst_s = self.burst_every_s
        for number in count():
            at_s = number / self.rate_per_s
            while self.burst_every_s and next_burst_s <= min(at_s, self.duration_s - self.burst_every_s / 2):
                yield from (next_burst_s for _ in range(self.burst_jobs))
                next_burst_s += self.burst_every_s
            if at_s >= self.duration_s:
                return
            yield at_s


@dataclass(frozen=True, kw_only=True)
class Portion:
    """One kind of job of a mix: ``parts`` of it in every round."""

    job: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    parts: int = 1


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is measured.

    Attributes:
        summary: the question it answers, one line.
        phases: run one after the other.
        mix: of jobs; their names are those of the shipped `jobs.yaml`, or of the caller's spec.
    """

    name: str
    summary: str
    phases: tuple[Phase, ...]
    mix: tuple[Portion, ...]

    def adjusted(self, **changes: float | None) -> Scenario:
        """Return the scenario with other numbers; None leaves one as it is.

        Raises:
            ValueError: no phase has such a number; the message says which.
        """
        given = {name: value for name, value in changes.items() if value is not None}
        for name in given:
            if not any(getattr(phase, name) for phase in self.phases):
                raise ValueError(name)
        phases = []
        for phase in self.phases:
            fitting: dict[str, Any] = {name: value for name, value in given.items() if getattr(phase, name)}
            if (duration_s := fitting.get("duration_s")) is not None:
                fitting["warm_up_s"] = min(phase.warm_up_s, duration_s / 5)
                if phase.burst_every_s:
                    fitting["burst_every_s"] = min(phase.burst_every_s, duration_s / 2)
            phases.append(replace(phase, **fitting))
        return replace(self, phases=tuple(phases))


def interleaved(mix: Sequence[Portion]) -> list[Portion]:
    """Return one round of a mix, each portion spread evenly over it.

    Example:
        >>> [portion.job for portion in interleaved([Portion(job="a", parts=3), Portion(job="b")])]
        ['a', 'a', 'b', 'a']
    """
    places = [
        ((number + 0.5) / portion.parts, at, portion)
        for at, portion in enumerate(mix)
        for number in range(portion.parts)
    ]
    return [portion for _, _, portion in sorted(places, key=lambda place: place[:2])]


_NOOP = (
    Portion(job="noop-critical", parts=6),
    Portion(job="noop-default", parts=3),
    Portion(job="noop-low", parts=1),
)
_MIXED = (
    Portion(job="noop-critical", parts=20),
    Portion(job="wait", payload={"ms": 5.0}, parts=10),
    Portion(job="wait", payload={"ms": 50.0}, parts=4),
    Portion(job="compute", payload={"ms": 1.0}, parts=4),
    Portion(job="in-thread", payload={"ms": 2.0}, parts=3),
    Portion(job="flaky", parts=1),
)
_DRAIN = Phase(kind=BACKLOG, jobs=60_000)
_STEADY = Phase(kind=ARRIVALS, rate_per_s=1_000.0, duration_s=15.0, warm_up_s=3.0)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="standard",
            summary="Throughput and fairness of a backlog, then latency at a constant rate",
            phases=(_DRAIN, _STEADY),
            mix=_NOOP,
        ),
        Scenario(
            name="throughput", summary="How many jobs a second: a backlog is drained", phases=(_DRAIN,), mix=_NOOP
        ),
        Scenario(
            name="latency",
            summary="How long from intended send to start and done, at a constant rate",
            phases=(_STEADY,),
            mix=_NOOP,
        ),
        Scenario(
            name="fairness",
            summary="Share of each queue against its weight, window by window",
            phases=(Phase(kind=BACKLOG, jobs=30_000),),
            mix=_NOOP,
        ),
        Scenario(
            name="burst",
            summary="How deep the queues get and how long jobs wait, when thousands come at once",
            phases=(
                Phase(
                    kind=ARRIVALS,
                    rate_per_s=500.0,
                    duration_s=20.0,
                    warm_up_s=3.0,
                    burst_jobs=5_000,
                    burst_every_s=5.0,
                ),
            ),
            mix=_NOOP,
        ),
        Scenario(
            name="mixed",
            summary="Jobs that wait, compute, run in threads and fail once, at a constant rate",
            phases=(Phase(kind=ARRIVALS, rate_per_s=400.0, duration_s=15.0, warm_up_s=3.0),),
            mix=_MIXED,
        ),
    )
}
