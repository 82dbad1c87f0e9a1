"""Counters of what a worker did, gathered in memory and flushed once a second.

They are statistics: a killed worker takes its last second of counts with it. What is true of jobs stands in the
indexes, which the scripts keep exact.

The hot path counts two things, starts and ends, each under all that is known of it; what is told of them (by day, by
ten seconds, in all) is reckoned at the flush. A time that is counted keeps eight bits: it is off by 0.4 % at most, and
a second's counts stay few however the times scatter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from jobctl.measure.latency import bucket_of

RATE_BUCKET_S = 10
RATE_TTL_S = 900
DAY_TTL_S = 90 * 86_400

BOUNDS_MS = (
    1,
    2,
    5,
    10,
    25,
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
    900_000,
    3_600_000,
)
"""Upper bounds of the coarse buckets that are kept in all, for metrics; beyond the last is `inf`."""
OTHER = "other"
"""The type under which a worker counts, in all, what no handler of its is for: records may name any type."""
LONGEST_MS = 10 * 365 * 86_400_000  # a wait beyond it is that of a record which does not say when it was enqueued

HAS_RUN = frozenset({"complete", "retry", "dead", "cancelled"})
"""Outcomes of a handler that ran here to its end; a lost or interrupted delivery has no time of its own."""
NO_RUN = -1
"""The run time of what ended without one: a job whose workers were lost too often."""

Place = tuple[str, str]
"""Queue, and a field of one of its hashes."""


@dataclass(slots=True)
class Counted:
    """Starts by ``(queue, type, wait ms)`` and ends by ``(queue, type, outcome, run ms)``."""

    starts: defaultdict[tuple[str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    ends: defaultdict[tuple[str, str, str, int], int] = field(default_factory=lambda: defaultdict(int))

    def __bool__(self) -> bool:
        return bool(self.starts or self.ends)

    def add(self, other: Counted) -> None:
        """Count what another has counted."""
        for start, count in other.starts.items():
            self.starts[start] += count
        for end, count in other.ends.items():
            self.ends[end] += count

    def queues(self) -> set[str]:
        """Return the queues of what was counted."""
        return {place[0] for place in self.starts} | {place[0] for place in self.ends}

    def by_day(self) -> Counter[Place]:
        """Return what is kept for each day, for percentiles.

        Fields: ``type|outcome`` and ``type|wait_ms``, ``type|run_ms`` (sums), ``type|wait|bucket``,
        ``type|run|bucket`` with the buckets of `jobctl.measure.latency`.
        """
        sums: Counter[Place] = Counter()
        for (queue, job_type, wait_ms), count in self.starts.items():
            sums[queue, f"{job_type}|wait|{bucket_of(wait_ms)}"] += count
            if wait_ms:
                sums[queue, f"{job_type}|wait_ms"] += wait_ms * count
        for (queue, job_type, outcome, run_ms), count in self.ends.items():
            sums[queue, f"{job_type}|{outcome}"] += count
            if outcome in HAS_RUN and run_ms >= 0:
                sums[queue, f"{job_type}|run|{bucket_of(run_ms)}"] += count
            if run_ms > 0:
                sums[queue, f"{job_type}|run_ms"] += run_ms * count
        return sums

    def by_ten_seconds(self) -> Counter[Place]:
        """Return what is kept for a quarter of an hour: ``started``, ``complete``, ``failed``, and two sums of ms."""
        sums: Counter[Place] = Counter()
        for (queue, _, wait_ms), count in self.starts.items():
            sums[queue, "started"] += count
            if wait_ms:
                sums[queue, "wait_ms"] += wait_ms * count
        for (queue, _, outcome, run_ms), count in self.ends.items():
            if run_ms > 0:
                sums[queue, "run_ms"] += run_ms * count
            if outcome == "complete":
                sums[queue, "complete"] += count
            elif outcome in ("retry", "dead", "lost"):
                sums[queue, "failed"] += count
        return sums

    def in_all(self, is_known: Callable[[str], bool]) -> Counter[Place]:
        """Return what is kept for ever, for metrics; see `jobctl.broker.keys.QueueKeys`.

        Fields: ``type|started``, ``type|outcome``, ``type|wait_ms``, ``type|run_ms``, and ``type|wait|bound``,
        ``type|run|bound`` with a bound of `BOUNDS_MS` or ``inf``: how many lie between it and the bound before.

        Args:
            is_known: whether a type may have fields of its own.
        """
        sums: Counter[Place] = Counter()
        for (queue, job_type, wait_ms), count in self.starts.items():
            name = job_type if is_known(job_type) else OTHER
            sums[queue, f"{name}|started"] += count
            sums[queue, f"{name}|wait|{_bound(wait_ms)}"] += count
            sums[queue, f"{name}|wait_ms"] += wait_ms * count
        for (queue, job_type, outcome, run_ms), count in self.ends.items():
            name = job_type if is_known(job_type) else OTHER
            sums[queue, f"{name}|{outcome}"] += count
            if outcome in HAS_RUN and run_ms >= 0:
                sums[queue, f"{name}|run|{_bound(run_ms)}"] += count
                sums[queue, f"{name}|run_ms"] += run_ms * count
        return sums


class Tally:
    """Starts by queue, and ends by queue and outcome, since the worker's start; and all that is to be flushed."""

    def __init__(self) -> None:
        self.starts: defaultdict[str, int] = defaultdict(int)
        self.ends: defaultdict[Place, int] = defaultdict(int)
        self.totals: Counter[Place] = Counter()
        """What was counted up to the latest flush, as in `Counted.in_all`. For the worker's own metrics."""
        self._fresh = Counted()
        self._unsent = Counted()

    def started(self, queue: str, job_type: str, wait_ms: int) -> None:
        """Count a start and how long the job had waited."""
        self.starts[queue] += 1
        if wait_ms > 255:
            cut = wait_ms.bit_length() - 8
            wait_ms = (wait_ms >> cut) << cut
        self._fresh.starts[queue, job_type, wait_ms] += 1

    def ended(self, queue: str, job_type: str, outcome: str, run_ms: int) -> None:
        """Count an end: complete, retry, dead, cancelled, lost or interrupted."""
        self.ends[queue, outcome] += 1
        if run_ms > 255:
            cut = run_ms.bit_length() - 8
            run_ms = (run_ms >> cut) << cut
        self._fresh.ends[queue, job_type, outcome, run_ms] += 1

    def take(self, is_known: Callable[[str], bool] = lambda _: True) -> Counted:
        """Return and forget what is to be flushed.

        Args:
            is_known: whether a type may have totals of its own.
        """
        fresh, self._fresh = self._fresh, Counted()
        taken = Counted()
        for (queue, job_type, wait_ms), count in fresh.starts.items():
            taken.starts[queue, job_type, max(_middle(wait_ms), 0)] += count
        for (queue, job_type, outcome, run_ms), count in fresh.ends.items():
            taken.ends[queue, job_type, outcome, _middle(run_ms)] += count
        self.totals.update(taken.in_all(is_known))
        taken.add(self._unsent)
        self._unsent = Counted()
        return taken

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
    return (job_type, what, last) if bar and what in ("wait", "run") else (head, last, "")


def _bound(time_ms: int) -> int | str:
    at = bisect_left(BOUNDS_MS, time_ms)
    return BOUNDS_MS[at] if at < len(BOUNDS_MS) else "inf"


def _middle(time_ms: int) -> int:
    """Return the middle of the times that were counted as this one."""
    if time_ms > LONGEST_MS:
        return 0
    return time_ms if time_ms <= 255 else time_ms | (1 << (time_ms.bit_length() - 8) >> 1)
