"""What was seen of the queues from outside: how many jobs of each arrived and started, by millisecond.

The broker's clock gives the times, so that any number of workers and observers on any hosts agree. Within a
millisecond the order of starts is unknown, and nothing here pretends to know it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Tick:
    """The starts of one moment.

    Attributes:
        at_ms: when, on any clock.
        counts: queue -> starts, 1 or more.
    """

    at_ms: float
    counts: Mapping[str, int]

    @property
    def starts(self) -> int:
        """All starts of the moment."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which every queue had work, and the starts in it, in order."""

    ticks: Sequence[Tick]
    from_ms: float
    to_ms: float

    @property
    def starts(self) -> int:
        """All starts of the span."""
        return sum(tick.starts for tick in self.ticks)


@dataclass(slots=True)
class Starts:
    """Arrivals and starts by ``(ms, queue)``, and the time each queue's jobs ran.

    Several observers' may be merged: everything is a sum.
    """

    arrived: Counter[tuple[int, str]] = field(default_factory=Counter)
    started: Counter[tuple[int, str]] = field(default_factory=Counter)
    work_ms: Counter[str] = field(default_factory=Counter)

    def add(self, queue: str, *, arrived_ms: int, started_ms: int, run_ms: int) -> None:
        """Note one job that has run."""
        self.arrived[arrived_ms, queue] += 1
        self.started[started_ms, queue] += 1
        self.work_ms[queue] += run_ms

    def merge(self, other: Starts) -> None:
        """Add what another observer saw."""
        self.arrived.update(other.arrived)
        self.started.update(other.started)
        self.work_ms.update(other.work_ms)

    def work_shares(self, queues: Iterable[str]) -> dict[str, float]:
        """Return queue -> share of the time all jobs ran (0 to 1); nothing ran: 0."""
        total = self.work_ms.total()
        return {queue: self.work_ms[queue] / total if total else 0.0 for queue in queues}

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "arrived": [[ms, queue, count] for (ms, queue), count in self.arrived.items()],
            "started": [[ms, queue, count] for (ms, queue), count in self.started.items()],
            "work_ms": dict(self.work_ms),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        return cls(
            arrived=Counter({(ms, queue): count for ms, queue, count in data["arrived"]}),
            started=Counter({(ms, queue): count for ms, queue, count in data["started"]}),
            work_ms=Counter(data["work_ms"]),
        )


def busy_spans(
    starts: Starts, queues: Sequence[str], *, from_ms: float = float("-inf"), to_ms: float = float("inf")
) -> list[Span]:
    """Return the stretches in which every one of the queues had work, with the starts in them.

    A queue had work at a moment if more of its jobs had arrived than started, the starts of that moment included: a
    span ends before the moment that took a queue's last job.

    Args:
        queues: the queues whose shares are measured.
        from_ms, to_ms: starts outside are left out (warm-up, the end of the run); their arrivals count.
    """
    by_ms: dict[int, tuple[Counter[str], Counter[str]]] = defaultdict(lambda: (Counter(), Counter()))
    for (ms, queue), count in starts.arrived.items():
        by_ms[ms][0][queue] += count
    for (ms, queue), count in starts.started.items():
        by_ms[ms][1][queue] += count
    waiting = dict.fromkeys(queues, 0)
    spans: list[Span] = []
    ticks: list[Tick] = []
    began_ms: float | None = None
    last_ms = 0.0
    for ms in sorted(by_ms):
        arrived, started = by_ms[ms]
        for queue in queues:
            waiting[queue] += arrived[queue] - started[queue]
        is_busy = all(count > 0 for count in waiting.values()) and from_ms <= ms <= to_ms
        if is_busy:
            if began_ms is None:
                began_ms = ms
            if started:
                ticks.append(Tick(ms, dict(started)))
            last_ms = ms
        elif began_ms is not None:
            if ticks:
                spans.append(Span(ticks, began_ms, last_ms))
            ticks, began_ms = [], None
    if began_ms is not None and ticks:
        spans.append(Span(ticks, began_ms, last_ms))
    return spans
