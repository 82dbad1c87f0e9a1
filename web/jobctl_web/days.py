"""Counts of days put together for charts and tables: of a queue, of a type. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from jobctl.inspector.stats import TypeStats, Window
from jobctl.measure.latency import Histogram

Keep = Callable[[TypeStats], bool]


@dataclass(frozen=True, slots=True)
class Daily:
    """Day by day, oldest first. Times are ms; None where nothing ran."""

    at_ms: list[int]
    complete: list[float]
    failed: list[float]
    median_ms: list[float | None]
    slow_ms: list[float | None]
    """95th percentile of the runs."""


def daily(days: Iterable[Window], keep: Keep) -> Daily:
    """Return what was counted of some types and queues, day by day."""
    sums = [(day, total(row for row in day.rows if keep(row))) for day in days]
    return Daily(
        at_ms=[round(datetime.combine(day.first, time(), UTC).timestamp() * 1000) for day, _ in sums],
        complete=[float(one.complete) for _, one in sums],
        failed=[float(one.failed) for _, one in sums],
        median_ms=[quantile(one.run, 50) for _, one in sums],
        slow_ms=[quantile(one.run, 95) for _, one in sums],
    )


def total(rows: Iterable[TypeStats]) -> TypeStats:
    """Return all rows in one, under the queue and type of the first."""
    counts: Counter[str] = Counter()
    wait, run = Histogram(), Histogram()
    queue = kind = ""
    for row in rows:
        queue, kind = queue or row.queue, kind or row.type
        counts.update(row.counts)
        wait.merge(row.wait)
        run.merge(row.run)
    return TypeStats(queue=queue, type=kind, counts=dict(counts), wait=wait, run=run)


def by_type(rows: Sequence[TypeStats]) -> list[TypeStats]:
    """Return a row a type, its queues together, in the order of their first rows."""
    return [total(row for row in rows if row.type == kind) for kind in dict.fromkeys(row.type for row in rows)]


def quantile(times: Histogram, percent: float) -> float | None:
    """Return a percentile in ms; None where nothing was counted."""
    return times.percentile(percent) if times.count else None
