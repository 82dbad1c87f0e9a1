"""Rates of the last minutes, ten seconds at a time: what a screen that is drawn again and again keeps between readings.

Workers add their counts to a bucket of ten seconds. A bucket that is over does not change any more, so a reader that
keeps this history asks for two buckets a queue instead of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from jobctl.broker.keys import QueueKeys
from jobctl.inspector.status import RATE_BUCKET_S, rate_buckets

if TYPE_CHECKING:
    from redis.asyncio.client import Pipeline

SPAN_S = 600
SETTLES_BUCKETS = 1  # workers flush once a second, so a bucket may grow for a moment after its end

Counts = Mapping[bytes, bytes]


class RateHistory:
    """The buckets of some queues, as far as they have been read.

    Args:
        span_s: how far back, seconds (10 to 900).
    """

    def __init__(self, span_s: int = SPAN_S) -> None:
        self._span_s = span_s
        self._window = range(0)
        self._now_ms = 0
        self._kept: dict[str, dict[int, Counts]] = {}
        self._settled: dict[str, int] = {}  # queue -> the first bucket that may have grown since it was read

    def wanted(self, queue: str, now_ms: int) -> list[int]:
        """Return the buckets of a queue that have to be read now: those not read yet, and those that still grow."""
        settled = self._settled.get(queue, 0)
        return [bucket for bucket in rate_buckets(now_ms, self._span_s) if bucket >= settled]

    def ask(self, pipe: Pipeline, queue: str, now_ms: int) -> int:
        """Put the commands that read these buckets into a pipeline; return how many."""
        buckets = self.wanted(queue, now_ms)
        of = QueueKeys(queue)
        for bucket in buckets:
            pipe.hgetall(of.rate(bucket))
        return len(buckets)

    def take(self, queue: str, now_ms: int, answers: Sequence[Counts]) -> None:
        """Keep what the pipeline brought, and forget what is too old."""
        self._window = rate_buckets(now_ms, self._span_s)
        self._now_ms = now_ms
        kept = self._kept.get(queue, {})
        kept |= zip(self.wanted(queue, now_ms), answers, strict=True)
        self._kept[queue] = {bucket: counts for bucket, counts in kept.items() if bucket in self._window}
        self._settled[queue] = self._window[-1] - SETTLES_BUCKETS

    def buckets(self, queue: str, window: Iterable[int]) -> list[Counts]:
        """Return a queue's buckets of a window; those that were never read are empty."""
        kept = self._kept.get(queue, {})
        return [kept.get(bucket, {}) for bucket in window]

    def per_s(self, field: str, queues: Iterable[str]) -> list[float]:
        """Return a count per second, bucket by bucket, oldest first, summed over queues.

        Args:
            field: ``started``, ``complete`` or ``failed``.
            queues: of these.
        """
        counts = [sum(found) for found in zip(*(self._values(queue, field) for queue in queues), strict=True)]
        return [count / self._elapsed_s(bucket) for bucket, count in zip(self._window, counts, strict=False)]

    def mean_ms(self, field: str, of: Sequence[str], queues: Iterable[str]) -> list[float | None]:
        """Return a mean time in ms, bucket by bucket, oldest first; None where nothing was counted.

        Args:
            field: ``wait_ms`` or ``run_ms``.
            of: the counts that share it: ``started``, or ``complete`` and ``failed``.
            queues: of these.
        """
        names = list(queues)
        means: list[float | None] = []
        for place in range(len(self._window)):
            total = sum(self._values(queue, field)[place] for queue in names)
            count = sum(self._values(queue, part)[place] for queue in names for part in of)
            means.append(total / count if count else None)
        return means

    def _values(self, queue: str, field: str) -> list[int]:
        name = field.encode()
        return [int(counts.get(name, 0)) for counts in self.buckets(queue, self._window)]

    def _elapsed_s(self, bucket: int) -> float:
        """Return how many seconds of a bucket have passed; one that has just begun counts as a whole second."""
        return min(max(self._now_ms / 1000 - bucket * RATE_BUCKET_S, 1.0), float(RATE_BUCKET_S))
