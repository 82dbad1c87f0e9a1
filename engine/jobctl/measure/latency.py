"""A histogram of latencies that can be merged: log buckets, 64 to a doubling, so that every figure is within 1 %.

Percentiles of several processes or hosts cannot be averaged; histograms can be added. One second of a busy system is a
few hundred whole numbers, in memory, in JSON, or in a Redis hash (`bucket_of` names the field, `HINCRBY` merges).

Source:
    G. Tene, HdrHistogram: fixed relative precision by splitting each power of two into equal parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

SPLITS = 64
"""Buckets to a doubling: the widest is 1/64 of its value, its middle is off by 1/128 = 0.8 % at most."""
ZERO_MS = 2.0**-10
"""About a microsecond. What is shorter (or negative: a clock was set back) counts as nothing at all."""
ZERO_BUCKET = -(2**15)
"""Where that is counted."""


def bucket_of(latency_ms: float) -> int:
    """Return the bucket of a latency, a whole number that grows with it.

    Raises:
        ValueError: not a number, or infinite.

    Example:
        >>> low, high = bounds_of(bucket_of(200.0))
        >>> low <= 200.0 < high, round((high - low) / low, 4)
        (True, 0.01)
    """
    if latency_ms < ZERO_MS:
        return ZERO_BUCKET
    if not math.isfinite(latency_ms):
        raise ValueError(f"{latency_ms} ms is no latency")
    mantissa, exponent = math.frexp(latency_ms)  # latency = mantissa * 2 ** exponent, mantissa from 0.5 to below 1
    return exponent * SPLITS + int((mantissa - 0.5) * 2 * SPLITS)


def bounds_of(bucket: int) -> tuple[float, float]:
    """Return the latencies a bucket holds, ms: from the first to below the second."""
    if bucket == ZERO_BUCKET:
        return 0.0, ZERO_MS
    exponent, part = divmod(bucket, SPLITS)
    step = math.ldexp(1, exponent - 1) / SPLITS
    low = math.ldexp(1, exponent - 1) + part * step
    return low, low + step


def middle_of(bucket: int) -> float:
    """Return the latency that stands for a bucket, ms: within 1 % of each in it."""
    return 0.0 if bucket == ZERO_BUCKET else sum(bounds_of(bucket)) / 2


class Histogram:
    """Latencies by log bucket.

    Attributes:
        count: latencies recorded.
        total_ms: their sum, exact as far as they were recorded one by one.
        low_ms, high_ms: the shortest and longest, likewise; 0 without any.
        counts: bucket -> latencies in it, more than 0. To be read, not written.
    """

    __slots__ = ("count", "counts", "high_ms", "low_ms", "total_ms")

    def __init__(self, latencies_ms: Iterable[float] = ()) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.total_ms = 0.0
        self.low_ms = 0.0
        self.high_ms = 0.0
        for latency_ms in latencies_ms:
            self.record(latency_ms)

    def record(self, latency_ms: float, times: int = 1) -> None:
        """Count a latency, `times` (1 or more) times.

        Raises:
            ValueError: not a number, or infinite.
        """
        bucket = bucket_of(latency_ms)
        latency_ms = max(latency_ms, 0.0)
        self.low_ms = min(self.low_ms, latency_ms) if self.count else latency_ms
        self.high_ms = max(self.high_ms, latency_ms)
        self.total_ms += latency_ms * times
        self.count += times
        self.counts[bucket] = self.counts.get(bucket, 0) + times

    def merge(self, other: Histogram) -> None:
        """Add the latencies of another histogram to this one."""
        if not other.count:
            return
        self.low_ms = min(self.low_ms, other.low_ms) if self.count else other.low_ms
        self.high_ms = max(self.high_ms, other.high_ms)
        self.total_ms += other.total_ms
        self.count += other.count
        for bucket, times in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + times

    @property
    def mean_ms(self) -> float:
        """The mean; 0 without any latency."""
        return self.total_ms / self.count if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """Return the latency (ms) that `percent` (0 to 100) of all do not exceed, to 1 %; 0 without any.

        By nearest rank: never a value between two that were measured far apart.

        Example:
            >>> round(Histogram(range(1, 1001)).percentile(99) / 990, 2)
            1.0
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"{percent} is no percentile: 0 to 100")
        rank = max(math.ceil(percent / 100 * self.count), 1)
        passed = 0
        for bucket in sorted(self.counts):
            passed += self.counts[bucket]
            if passed >= rank:
                return min(max(middle_of(bucket), self.low_ms), self.high_ms)
        return 0.0

    def bars(self) -> Iterator[tuple[float, float, int]]:
        """Yield ``(from ms, to ms, latencies)`` of each bucket that holds any, the shortest first."""
        for bucket in sorted(self.counts):
            yield *bounds_of(bucket), self.counts[bucket]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads: plain numbers and text."""
        return {
            "count": self.count,
            "total_ms": self.total_ms,
            "low_ms": self.low_ms,
            "high_ms": self.high_ms,
            "counts": {str(bucket): self.counts[bucket] for bucket in sorted(self.counts)},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the histogram that `to_json` wrote.

        Raises:
            KeyError: it did not.
        """
        histogram = cls()
        histogram.counts = {int(bucket): int(times) for bucket, times in data["counts"].items()}
        histogram.count = int(data["count"])
        histogram.total_ms = float(data["total_ms"])
        histogram.low_ms = float(data["low_ms"])
        histogram.high_ms = float(data["high_ms"])
        return histogram

    @classmethod
    def from_counts(cls, counts: Mapping[int, int]) -> Self:
        """Return the histogram of bare buckets, as a Redis hash keeps them; mean, shortest and longest are to 1 %."""
        histogram = cls()
        for bucket, times in counts.items():
            if times > 0:
                histogram.record(middle_of(bucket), times)
        return histogram

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        p50, p95 = self.percentile(50), self.percentile(95)
        return f"<Histogram {self.count}: p50 {p50:.3g} ms, p95 {p95:.3g} ms, longest {self.high_ms:.3g} ms>"
