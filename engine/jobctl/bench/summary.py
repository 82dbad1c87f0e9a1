"""From findings to the figures of a whole side: phases joined, repeats summed up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from jobctl.bench.results import Findings, Report, Side
from jobctl.measure.comparison import Comparison, compare
from jobctl.measure.latency import Histogram
from jobctl.measure.metrics import METRICS, Unit, statistic
from jobctl.measure.thresholds import Figure

WORST = ("fairness.max_deviation", "fairness.starvation", "generator.cpu")
"""Promises and warnings are about the worst repeat, not a middle one."""
HIGHER_IS_BETTER = ("throughput", "offered", "fairness.jain", "jobs", "completed")
SHOWN = (
    "throughput",
    "done.p50",
    "done.p95",
    "done.p99",
    "start.p50",
    "start.p95",
    "enqueue.p50",
    "enqueue.p95",
    "fairness.max_deviation",
    "fairness.jain",
    "fairness.starvation",
    "worker.cpu_per_job",
    "broker.cpu_per_job",
    "worker.memory",
    "broker.bytes_per_job",
    "broker.bytes_per_ended_job",
    "offered",
    "late.p99",
    "generator.cpu",
    "redelivered",
    "dead",
    "lost",
)
"""What tables show and comparisons compare: metrics, and statistics of those that are distributions."""


def join_phases(repeat: Sequence[Findings]) -> dict[str, Figure]:
    """Return the figures of one repeat. Counts of its phases add up; of other figures the first phase's counts."""
    joined: dict[str, Figure] = {}
    for phase in repeat:
        for name, value in phase.figures.items():
            if METRICS[name].unit is Unit.COUNT:
                before = joined.get(name, 0.0)
                assert isinstance(before, float | int)  # noqa: S101 - a count
                joined[name] = before + value
            else:
                joined.setdefault(name, value)
        if phase.kind != "backlog" or len(repeat) == 1:
            joined.update(phase.histograms)
    return joined


def join_repeats(side: Side) -> dict[str, Figure]:
    """Return the figures of a side, as thresholds judge them: counts in all, latencies merged, medians of the rest."""
    repeats = [join_phases(repeat) for repeat in side.repeats]
    joined: dict[str, Figure] = {}
    for name in dict.fromkeys(name for repeat in repeats for name in repeat):
        found = [repeat[name] for repeat in repeats if name in repeat]
        if isinstance(found[0], Histogram):
            merged = Histogram()
            for histogram in found:
                assert isinstance(histogram, Histogram)  # noqa: S101 - of one metric
                merged.merge(histogram)
            joined[name] = merged
            continue
        values = [value for value in found if not isinstance(value, Histogram)]
        if METRICS[name].unit is Unit.COUNT:
            joined[name] = sum(values)
        else:
            joined[name] = max(values) if name in WORST else median(values)
    return joined


def values_of(side: Side, name: str) -> list[float]:
    """Return a figure, or a statistic such as `done.p95`, of each repeat that has it."""
    metric, read = _reader(name)
    found = []
    for repeat in side.repeats:
        figure = join_phases(repeat).get(metric)
        if isinstance(figure, Histogram):
            if read is not None and figure.count:
                found.append(read(figure))
        elif figure is not None:
            found.append(float(figure))
    return found


def unit_of(name: str) -> Unit:
    """Return the unit of a figure, or of a statistic such as `done.p95`."""
    return METRICS[_reader(name)[0]].unit


def summary_of(name: str) -> str:
    """Return what a figure means, one line."""
    metric, read = _reader(name)
    said = METRICS[metric].summary
    return said if read is None else f"{name.partition('.')[2]}: {said}"


def samples_of(side: Side, name: str) -> tuple[list[float], bool]:
    """Return ``(samples, whether they are repeats)``: of a single repeat its windows, where it has them."""
    values = values_of(side, name)
    if len(values) > 1:
        return values, True
    windows: Mapping[str, Sequence[float]] = {}
    if side.repeats:
        windows = {key: found for phase in reversed(side.repeats[0]) for key, found in phase.windows.items()}
    return (list(windows[name]), False) if len(windows.get(name, ())) > 1 else (values, True)


def compare_sides(before: Side, after: Side) -> tuple[dict[str, Comparison], bool]:
    """Return ``(figure -> comparison, whether windows of single runs had to do for repeats)``."""
    found: dict[str, Comparison] = {}
    has_windows = False
    for name in SHOWN:
        (ours, first), (theirs, second) = samples_of(before, name), samples_of(after, name)
        if not ours or not theirs:
            continue
        has_windows |= not (first and second)
        metric = _reader(name)[0]
        found[name] = compare(ours, theirs, is_higher_better=metric in HIGHER_IS_BETTER)
    return found, has_windows


def median_repeat(side: Side) -> list[Findings]:
    """Return the repeat that plots show: of those that came furthest, the one with the middle throughput."""
    series = [sum(len(phase.series) for phase in repeat) for repeat in side.repeats]
    whole = [repeat for repeat, count in zip(side.repeats, series, strict=True) if count == max(series)]
    ranked = sorted(whole, key=lambda repeat: _first(repeat, "throughput"))
    return ranked[(len(ranked) - 1) // 2] if ranked else []


def measured_names(report: Report) -> list[str]:
    """Return the figures of SHOWN that any side has, in that order."""
    return [name for name in SHOWN if any(values_of(side, name) for side in report.sides)]


def _first(repeat: Sequence[Findings], name: str) -> float:
    return next((phase.figures[name] for phase in repeat if name in phase.figures), 0.0)


def _reader(name: str) -> tuple[str, Callable[[Histogram], float] | None]:
    """Return ``(metric, how its statistic is read)`` of a name such as `done.p95` or `throughput`."""
    if name in METRICS:
        return name, None
    metric, _, stat = name.partition(".")
    return metric, statistic(stat)
