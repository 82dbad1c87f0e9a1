"""What became of jobs over days, per queue and type: counts, and percentiles of waits and runs from histograms.

Days are days in UTC, as the workers count them. Every worker adds its counts to the same hashes once a second, so that
the figures are of the whole fleet; a killed worker takes its last second with it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from jobctl.broker.connect import translate_errors
from jobctl.broker.keys import QueueKeys
from jobctl.inspector.status import DEFAULT_DAYS
from jobctl.measure.latency import Histogram
from jobctl.worker.tally import read_field

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.inspector.status import Rates

DAY_S = 86_400
OUTCOMES = ("complete", "retry", "dead", "cancelled", "lost", "interrupted")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeStats:
    """Attempts of one type in one queue.

    Attributes:
        counts: outcome -> attempts that ended so; outcomes that never came are left out.
        wait: from due to start, of first attempts.
        run: of what a handler ended.
        total: from due to the job's end, of jobs that ended.
    """

    queue: str
    type: str
    counts: Mapping[str, int]
    wait: Histogram = field(default_factory=Histogram)
    run: Histogram = field(default_factory=Histogram)
    total: Histogram = field(default_factory=Histogram)

    @property
    def complete(self) -> int:
        """Attempts that succeeded."""
        return self.counts.get("complete", 0)

    @property
    def failed(self) -> int:
        """Attempts that failed: to be retried, dead, or lost with their worker."""
        return sum(self.counts.get(outcome, 0) for outcome in ("retry", "dead", "lost"))

    @property
    def failure_ratio(self) -> float | None:
        """Failed attempts of all that succeeded or failed (0 to 1); None without any."""
        ended = self.complete + self.failed
        return self.failed / ended if ended else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some days, today the last of them.

    Attributes:
        first: the first day, UTC.
        days: how many.
        elapsed_s: seconds from its beginning to now.
        rows: by queue in the order asked for, then by type.
    """

    first: date
    days: int
    elapsed_s: float
    rows: tuple[TypeStats, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What `jobctl stats` shows. ``now`` are the rates of the last minute, by queue."""

    at_ms: int
    now: Mapping[str, Rates]
    today: Window
    days: Window


async def read_windows(
    redis: Redis, queues: Sequence[str], now_ms: int, *, days: int = DEFAULT_DAYS
) -> tuple[Window, Window]:
    """Return today, and the last days with today, in one round trip a day: the broker serves others in between.

    Args:
        redis: the broker.
        queues: whose counters.
        now_ms: the broker's clock.
        days: how many in the longer window, up to 90.
    """
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    total: _Fields = defaultdict(Counter)
    latest: _Fields = defaultdict(Counter)
    for back in range(days):
        found = await _read_day(redis, queues, today - timedelta(days=back))
        latest = found if back == 0 else latest
        for place, counts in found.items():
            total[place] += counts
    since_midnight_s = max(now_ms / 1000 % DAY_S, 1.0)
    return (
        Window(first=today, days=1, elapsed_s=since_midnight_s, rows=_rows(queues, latest)),
        Window(
            first=today - timedelta(days=days - 1),
            days=days,
            elapsed_s=since_midnight_s + (days - 1) * DAY_S,
            rows=_rows(queues, total),
        ),
    )


async def read_days(redis: Redis, queues: Sequence[str], now_ms: int, *, days: int = DEFAULT_DAYS) -> list[Window]:
    """Return the last days one by one, oldest first, today the last: one round trip a day.

    Args:
        redis: the broker.
        queues: whose counters.
        now_ms: the broker's clock.
        days: how many, up to 90.

    Raises:
        BrokerUnreachable: no broker answers.
    """
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    windows = []
    with translate_errors():
        for back in reversed(range(days)):
            day = today - timedelta(days=back)
            elapsed_s = DAY_S if back else max(now_ms / 1000 % DAY_S, 1.0)
            rows = _rows(queues, await _read_day(redis, queues, day))
            windows.append(Window(first=day, days=1, elapsed_s=elapsed_s, rows=rows))
    return windows


async def _read_day(redis: Redis, queues: Sequence[str], day: date) -> _Fields:
    pipe = redis.pipeline(transaction=False)
    for queue in queues:
        pipe.hgetall(QueueKeys(queue).day(f"{day:%Y%m%d}"))
    return _read(queues, await pipe.execute())


_Fields = defaultdict[tuple[str, str], Counter[tuple[str, str]]]
"""(queue, type) -> (what, bucket) -> count."""


def _read(queues: Sequence[str], hashes: Sequence[Mapping[bytes, bytes]]) -> _Fields:
    found: _Fields = defaultdict(Counter)
    for queue, raw in zip(queues, hashes, strict=True):
        for name, count in raw.items():
            job_type, what, bucket = read_field(name.decode("utf-8", "replace"))
            found[queue, job_type][what, bucket] += int(count)
    return found


def _rows(queues: Sequence[str], found: _Fields) -> tuple[TypeStats, ...]:
    places = sorted(found, key=lambda place: (queues.index(place[0]), place[1]))
    return tuple(_row(queue, job_type, found[queue, job_type]) for queue, job_type in places)


def _row(queue: str, job_type: str, counts: Mapping[tuple[str, str], int]) -> TypeStats:
    def histogram(kind: str) -> Histogram:
        return Histogram.from_counts(
            {int(bucket): count for (what, bucket), count in counts.items() if what == kind and bucket}
        )

    return TypeStats(
        queue=queue,
        type=job_type,
        counts={outcome: count for outcome in OUTCOMES if (count := counts.get((outcome, ""), 0))},
        wait=histogram("wait"),
        run=histogram("run"),
        total=histogram("total"),
    )


def sum_stats(rows: Sequence[TypeStats], *, queue: str) -> TypeStats:
    """Return all types of a queue in one, named ``""``."""
    counts: Counter[str] = Counter()
    wait, run, total = Histogram(), Histogram(), Histogram()
    for row in rows:
        if row.queue == queue:
            counts.update(row.counts)
            wait.merge(row.wait)
            run.merge(row.run)
            total.merge(row.total)
    return TypeStats(queue=queue, type="", counts=dict(counts), wait=wait, run=run, total=total)
