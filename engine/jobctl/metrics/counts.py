"""From the counters that workers keep to samples. A bounded number of names: records may name any type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jobctl.metrics.catalog import BUCKET_S, OUTCOMES, REASONS, Scrape
from jobctl.worker.tally import BOUNDS_MS, OTHER, read_field

BUCKET_OF = {str(bound): number for number, bound in enumerate((*BOUNDS_MS, "inf"))}


class Bounded:
    """At most so many names; what comes later is `other`. A name that was once told stays.

    Example:
        >>> names = Bounded(1)
        >>> names("mail"), names("sms"), names("mail"), names.omitted
        ('mail', 'other', 'mail', 1)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()
        self._others: set[str] = set()

    def __call__(self, name: str) -> str:
        """Return the name, or `other`."""
        if name in self._known or name == OTHER:
            return name
        if len(self._known) < self._most:
            self._known.add(name)
            return name
        if len(self._others) < 10 * self._most:  # only counted
            self._others.add(name)
        return OTHER

    @property
    def omitted(self) -> int:
        """Names told as `other` so far (count)."""
        return len(self._others)


@dataclass(slots=True)
class Times:
    """A histogram being put together: per bucket how many lie in it alone, and the sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKET_S) + 1))
    sum_ms: int = 0


@dataclass(slots=True)
class TypeCounts:
    """All counts of one type in one queue."""

    plain: dict[str, int] = field(default_factory=dict)
    wait: Times = field(default_factory=Times)
    run: Times = field(default_factory=Times)
    total: Times = field(default_factory=Times)

    def times(self, what: str) -> Times | None:
        """Return the histogram of a name: wait, run or total."""
        return {"wait": self.wait, "run": self.run, "total": self.total}.get(what)


def read_counts(fields: Iterable[tuple[str, int]], types: Bounded) -> dict[str, TypeCounts]:
    """Return type -> its counts, from a hash of totals (`QueueSums`). Fields of other versions are passed over."""
    found: dict[str, TypeCounts] = {}
    for text, count in fields:
        job_type, what, bucket = read_field(text)
        counts = found.setdefault(types(job_type), TypeCounts())
        times = counts.times(what.removesuffix("_ms"))
        if times is not None and bucket in BUCKET_OF:
            times.counts[BUCKET_OF[bucket]] += count
        elif times is not None and what.endswith("_ms"):
            times.sum_ms += count
        elif not bucket:
            counts.plain[what] = counts.plain.get(what, 0) + count
    return found


def tell_counts(scrape: Scrape, prefix: str, labels: tuple[str, ...], found: Mapping[str, TypeCounts]) -> None:
    """Add the counts of one queue to a scrape.

    Args:
        prefix: of the metrics' names: ``jobctl_job`` or ``jobctl_worker``.
        labels: values of the labels before the type.
    """
    for job_type, counts in found.items():
        of = (*labels, job_type)
        scrape.add(f"{prefix}_starts", counts.plain.get("started", 0), *of)
        for outcome in OUTCOMES:
            scrape.add(f"{prefix}_outcomes", counts.plain.get(outcome, 0), *of, outcome)
        for reason in REASONS:
            scrape.add(f"{prefix}_redeliveries", counts.plain.get(reason, 0), *of, reason)
        for name, times in (("wait", counts.wait), ("run", counts.run), ("total", counts.total)):
            scrape.add_histogram(f"{prefix}_{name}_seconds", times.counts, times.sum_ms / 1000, *of)
