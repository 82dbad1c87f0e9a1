"""Counters of what a worker did, gathered in memory and flushed once a second.

They are statistics: a killed worker takes its last second of counts with it. What is true of jobs stands in the
indexes, which the scripts keep exact.

The hot path counts starts, ends, and how long jobs took in all, each under all that is known of it; what is told of
them (by day, by ten seconds, in all) is reckoned at the flush, in one pass. A time that is counted keeps eight bits: it
is off by 0.4 % at most, and a second's counts stay few however the times scatter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from jobctl.measure.latency import bucket_of

RATE_BUCKET_S = 10
RATE_TTL_S = 900
DAY_TTL_S = 90 * 86_400

BOUNDS_MS = (
    *(1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000),
    *(10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000),
)
"""Upper bounds of the coarse buckets that are kept in all, for metrics; beyond the last is `inf`."""
OTHER = "other"
"""The type under which a worker counts, in all, what no handler of its is for: records may name any type."""
LONGEST_MS = 10 * 365 * 86_400_000  # a wait beyond it is that of a record which does not say when it was enqueued
HAS_RUN = frozenset({"complete", "retry", "dead", "cancelled"})
"""Outcomes of a handler that ran here to its end; a lost or interrupted delivery has no time of its own."""
TIMES = frozenset({"wait", "run", "total"})
FAILED = frozenset({"retry", "dead", "lost"})
UNKNOWN = -1
"""The time of what has none: the run of a job whose workers were lost too often, the wait of a retry."""
CACHED_TIMES = 512  # as many as a second has, and not all there are: they would take a MiB

Counts = defaultdict[str, int]
"""Field of a hash -> count."""


def _counts() -> Counts:
    return defaultdict(int)


@dataclass(slots=True)
class QueueSums:
    """What is told of one queue.

    Attributes:
        day: kept for each day, for percentiles: ``type|outcome`` and ``type|wait_ms``, ``type|run_ms`` (sums),
            ``type|total_ms``, and ``type|wait|bucket``, ``type|run|bucket``, ``type|total|bucket`` with the buckets of
            `jobctl.measure.latency`. A total is the time from due to the job's end.
        rate: kept for a quarter of an hour: ``started``, ``complete``, ``failed``; sums ``wait_ms``, ``run_ms``.
        totals: kept for ever, for metrics: ``type|started``, ``type|outcome``, the same sums, and ``type|wait|bound``,
            ``type|run|bound``, ``type|total|bound`` with a bound of `BOUNDS_MS` or ``inf``: how many lie between it and
            the bound before.
    """

    day: Counts = field(default_factory=_counts)
    rate: Counts = field(default_factory=_counts)
    totals: Counts = field(default_factory=_counts)

    def add_times(self, what: str, job_type: str, name: str, cut_ms: int, count: int) -> int:
        """Add jobs that took so long, for percentiles by day and in all; return their sum in ms.

        Args:
            what: wait, run or total.
            job_type: their type.
            name: the name under which the type is kept for ever.
            cut_ms: what each took, cut to eight bits.
            count: how many.
        """
        time_ms, bucket, bound = _places(cut_ms)
        self.day[f"{job_type}|{what}|{bucket}"] += count
        self.totals[f"{name}|{what}|{bound}"] += count
        sum_ms = time_ms * count
        if sum_ms:
            self.day[f"{job_type}|{what}_ms"] += sum_ms
            self.totals[f"{name}|{what}_ms"] += sum_ms
        return sum_ms


Sums = Mapping[str, QueueSums]
"""By queue."""


@dataclass(slots=True)
class Counted:
    """Starts by ``(queue, type, wait ms)``, ends by ``(queue, type, outcome, run ms)``, jobs by their total."""

    starts: defaultdict[tuple[str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    ends: defaultdict[tuple[str, str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    jobs: defaultdict[tuple[str, str, int], int] = field(default_factory=lambda: defaultdict(int))

    def __bool__(self) -> bool:
        return bool(self.starts or self.ends)

    def add(self, other: Counted) -> None:
        """Count what another has counted."""
        for start, count in other.starts.items():
            self.starts[start] += count
        for end, count in other.ends.items():
            self.ends[end] += count
        for job, count in other.jobs.items():
            self.jobs[job] += count

    def sums(self, is_known: Callable[[str], bool]) -> Sums:
        """Return what is told of it.

        Args:
            is_known: whether a type may have fields of its own among those that are kept for ever.
        """
        found: defaultdict[str, QueueSums] = defaultdict(QueueSums)
        names = {place[1] for place in self.starts} | {place[1] for place in self.ends}
        lasting = {name: name if is_known(name) else OTHER for name in names}
        for (queue, job_type, cut_ms), count in self.starts.items():
            sums, name = found[queue], lasting[job_type]
            sums.totals[f"{name}|started"] += count
            sums.rate["started"] += count
            if cut_ms >= 0:
                sums.rate["wait_ms"] += sums.add_times("wait", job_type, name, cut_ms, count)
        for (queue, job_type, outcome, cut_ms), count in self.ends.items():
            sums, name = found[queue], lasting[job_type]
            sums.day[f"{job_type}|{outcome}"] += count
            sums.totals[f"{name}|{outcome}"] += count
            if outcome == "complete":
                sums.rate["complete"] += count
            elif outcome in FAILED:
                sums.rate["failed"] += count
            if cut_ms >= 0 and outcome in HAS_RUN:
                sums.rate["run_ms"] += sums.add_times("run", job_type, name, cut_ms, count)
        for (queue, job_type, cut_ms), count in self.jobs.items():
            found[queue].add_times("total", job_type, lasting[job_type], cut_ms, count)
        return found


class Tally:
    """Starts by queue, and ends by queue and outcome, since the worker's start; and all that is to be flushed."""

    def __init__(self) -> None:
        self.starts: defaultdict[str, int] = defaultdict(int)
        self.ends: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.totals: dict[str, Counts] = {}
        """What was counted up to the latest flush, by queue, as in `QueueSums.totals`. For the worker's own metrics."""
        self._fresh = Counted()
        self._unsent = Counted()

    def started(self, queue: str, job_type: str, wait_ms: int) -> None:
        """Count a start and how long the job had waited, `UNKNOWN` if it was tried before."""
        self.starts[queue] += 1
        if wait_ms > 255:
            cut = wait_ms.bit_length() - 8
            wait_ms = (wait_ms >> cut) << cut
        elif wait_ms < UNKNOWN:
            wait_ms = 0  # due times of SAQ's are rounded up to whole seconds
        self._fresh.starts[queue, job_type, wait_ms] += 1

    def ended(self, queue: str, job_type: str, outcome: str, run_ms: int, total_ms: int = UNKNOWN) -> None:
        """Count an end: complete, retry, dead, cancelled, lost or interrupted.

        Args:
            run_ms: of the attempt, `UNKNOWN` without one.
            total_ms: from due to this end, if it is the job's.
        """
        self.ends[queue, outcome] += 1
        if run_ms > 255:
            cut = run_ms.bit_length() - 8
            run_ms = (run_ms >> cut) << cut
        self._fresh.ends[queue, job_type, outcome, run_ms] += 1
        if total_ms >= 0:
            if total_ms > 255:
                cut = total_ms.bit_length() - 8
                total_ms = (total_ms >> cut) << cut
            self._fresh.jobs[queue, job_type, total_ms] += 1

    def take(self, is_known: Callable[[str], bool] = lambda _: True) -> tuple[Counted, Sums]:
        """Return and forget what is to be flushed, and what is told of it.

        Args:
            is_known: whether a type may have totals of its own.
        """
        taken, self._fresh = self._fresh, Counted()
        sums = taken.sums(is_known)
        for queue, found in sums.items():
            totals = self.totals.setdefault(queue, _counts())
            for name, count in found.totals.items():
                totals[name] += count
        if self._unsent:
            taken.add(self._unsent)
            self._unsent = Counted()
            sums = taken.sums(is_known)
        return taken, sums

    def put_back(self, counted: Counted) -> None:
        """Flush again, next time, what could not be flushed."""
        self._unsent.add(counted)


def read_field(text: str) -> tuple[str, str, str]:
    """Return ``(type, what, bucket)`` of a field; the bucket is "" for counts and sums. A type may hold a bar.

    Example:
        >>> read_field("mail:send|wait|250"), read_field("mail:send|complete")
        (('mail:send', 'wait', '250'), ('mail:send', 'complete', ''))
    """
    head, _, last = text.rpartition("|")
    job_type, bar, what = head.rpartition("|")
    return (job_type, what, last) if bar and what in TIMES else (head, last, "")


@lru_cache(CACHED_TIMES)
def _places(cut_ms: int) -> tuple[int, int, int | str]:
    """Return the middle of the times that were cut to this one, and its fine and its coarse bucket."""
    if cut_ms > LONGEST_MS:
        cut_ms = 0
    time_ms = cut_ms if cut_ms <= 255 else cut_ms | (1 << (cut_ms.bit_length() - 8) >> 1)
    at = bisect_left(BOUNDS_MS, time_ms)
    return time_ms, bucket_of(time_ms), BOUNDS_MS[at] if at < len(BOUNDS_MS) else "inf"
