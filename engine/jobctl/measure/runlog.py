"""The log of a measured run: what every observer adds to, and what thresholds are judged by.

Everything in it is a sum or a histogram, so that the logs of several processes and hosts can be merged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Self

from jobctl.measure.fairness import WINDOW, Fairness, measure_spans
from jobctl.measure.latency import Histogram
from jobctl.measure.starts import Starts, busy_spans
from jobctl.measure.thresholds import Figures

LATENCIES = ("enqueue", "start", "done", "run", "late")
COUNTS = ("jobs", "completed", "lost", "dead", "cancelled", "refused", "redelivered")


@dataclass(slots=True)
class Second:
    """One second of a run, by the broker's clock.

    Attributes:
        enqueued, completed: jobs (count).
        done: latencies of the jobs completed in it.
    """

    enqueued: int = 0
    completed: int = 0
    done: Histogram = field(default_factory=Histogram)

    def merge(self, other: Second) -> None:
        """Add what another observer saw of the same second."""
        self.enqueued += other.enqueued
        self.completed += other.completed
        self.done.merge(other.done)


@dataclass(slots=True)
class RunLog:
    """What one or several observers saw of a run.

    Attributes:
        latencies: ``(metric, job)`` -> histogram; the job is "" where none is concerned.
        counts: one of COUNTS -> how many, of the whole run, its warm-up included.
        seconds: epoch second -> what happened in it.
        starts: arrivals and starts by queue, where fairness is measured.
        looks, busy_looks: how often the queues' depth was looked at, and how often some job was waiting.
        depth: most jobs that were seen waiting.
        generator_cpu: processor time of the busiest observer, 1 = one core.
        memory: (what, epoch ms) -> bytes it held then; what is ``broker`` or ``worker``.
    """

    latencies: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[int, Second] = field(default_factory=dict)
    starts: Starts = field(default_factory=Starts)
    looks: int = 0
    busy_looks: int = 0
    depth: int = 0
    generator_cpu: float = 0.0
    memory: dict[tuple[str, float], int] = field(default_factory=dict)

    def record(self, metric: str, job: str, latency_ms: float) -> None:
        """Note a latency."""
        histogram = self.latencies.get((metric, job))
        if histogram is None:
            histogram = self.latencies[metric, job] = Histogram()
        histogram.record(latency_ms)

    def second(self, at_ms: float) -> Second:
        """Return the second a moment lies in."""
        return self.seconds.setdefault(int(at_ms // 1000), Second())

    def merge(self, other: RunLog) -> None:
        """Add another log."""
        for key, histogram in other.latencies.items():
            self.latencies.setdefault(key, Histogram()).merge(histogram)
        self.counts.update(other.counts)
        for at_s, second in other.seconds.items():
            self.seconds.setdefault(at_s, Second()).merge(second)
        self.starts.merge(other.starts)
        self.looks += other.looks
        self.busy_looks += other.busy_looks
        self.depth = max(self.depth, other.depth)
        self.generator_cpu = max(self.generator_cpu, other.generator_cpu)
        self.memory.update(other.memory)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "latencies": [[*key, histogram.to_json()] for key, histogram in self.latencies.items()],
            "counts": dict(self.counts),
            "seconds": [
                [at_s, second.enqueued, second.completed, second.done.to_json()]
                for at_s, second in sorted(self.seconds.items())
            ],
            "starts": self.starts.to_json(),
            "looks": self.looks,
            "busy_looks": self.busy_looks,
            "depth": self.depth,
            "generator_cpu": self.generator_cpu,
            "memory": [[what, at_ms, size] for (what, at_ms), size in self.memory.items()],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the log that `to_json` wrote.

        Raises:
            KeyError: it did not.
        """
        return cls(
            latencies={(metric, job): Histogram.from_json(each) for metric, job, each in data["latencies"]},
            counts=Counter(data["counts"]),
            seconds={
                at_s: Second(enqueued, completed, Histogram.from_json(done))
                for at_s, enqueued, completed, done in data["seconds"]
            },
            starts=Starts.from_json(data["starts"]),
            looks=data["looks"],
            busy_looks=data["busy_looks"],
            depth=data["depth"],
            generator_cpu=data["generator_cpu"],
            memory={(what, at_ms): size for what, at_ms, size in data["memory"]},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The measured time of a run, ms by the broker's clock: after the warm-up, to the last intended send."""

    from_ms: float
    to_ms: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return max((self.to_ms - self.from_ms) / 1000, 0.001)

    def whole_seconds(self, log: RunLog) -> list[Second]:
        """Return the seconds of a log that lie wholly inside; those in which nothing was seen are empty."""
        first, last = int(-(-self.from_ms // 1000)), int(self.to_ms // 1000)
        return [log.seconds.get(at_s) or Second() for at_s in range(first, last)]


def fairness_of(log: RunLog, weights: Mapping[str, int], interval: Interval, window: int = WINDOW) -> Fairness | None:
    """Return how closely the starts of the measured time followed the weights; None = never had all queues work."""
    spans = busy_spans(log.starts, list(weights), from_ms=interval.from_ms, to_ms=interval.to_ms)
    return measure_spans(spans, weights, window) if spans else None


def figures_of(log: RunLog, interval: Interval, fair: Fairness | None = None) -> Figures:
    """Return the figures of a run, by the names that thresholds use.

    Rates are means over the whole seconds of the measured time, or over all of it when it has none.
    """
    figures: dict[str, float | Histogram] = {}
    for (metric, job), histogram in log.latencies.items():
        if job:
            figures[f"{metric}{{{job}}}"] = histogram
        everything = figures.setdefault(metric, Histogram())
        assert isinstance(everything, Histogram)  # noqa: S101 - the names of latencies are names of nothing else
        everything.merge(histogram)
    figures |= {name: float(log.counts[name]) for name in COUNTS}
    whole = interval.whole_seconds(log)
    measured, length_s = (whole, len(whole)) if whole else (list(log.seconds.values()), interval.seconds)
    figures["throughput"] = sum(second.completed for second in measured) / length_s
    figures["offered"] = sum(second.enqueued for second in measured) / length_s
    figures["generator.cpu"] = log.generator_cpu
    if log.looks:
        figures["backlogged"] = log.busy_looks / log.looks
    figures |= _memory(log, interval)
    if fair is not None:
        figures["fairness.max_deviation"] = fair.worst_points / 100
        figures["fairness.rms_deviation"] = fair.rms_points / 100
        figures["fairness.jain"] = fair.jain
        work = log.starts.work_shares(fair.expected)
        figures["fairness.work_deviation"] = max(abs(work[queue] - share) for queue, share in fair.expected.items())
        figures["fairness.starvation"] = max(fair.starved_ms.values(), default=0.0)
        figures |= {f"fairness.starvation{{{queue}}}": ms for queue, ms in fair.starved_ms.items()}
    return figures


def _memory(log: RunLog, interval: Interval) -> dict[str, float]:
    """Return the most memory held in the measured time, and how it grew from its first third to its last."""
    sizes: dict[str, list[int]] = {}
    for (what, at_ms), size in sorted(log.memory.items()):
        if interval.from_ms <= at_ms <= interval.to_ms and size:
            sizes.setdefault(what, []).append(size)
    figures: dict[str, float] = {}
    for what, each in sizes.items():
        figures[f"{what}.memory"] = float(max(each))
        if third := len(each) // 3:
            figures[f"{what}.growth"] = fmean(each[-third:]) / fmean(each[:third]) - 1
    return figures
