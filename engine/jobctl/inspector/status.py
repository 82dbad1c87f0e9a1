"""What an operator sees of queues, workers and failures. Pure: typed views and the arithmetic behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from jobctl.broker.record import read_wire
from jobctl.records import JobState

RATE_BUCKET_S = 10  # workers add their counts to a bucket of ten seconds
RATE_KEPT_S = 900  # and the broker keeps the buckets for 15 minutes
DEFAULT_DAYS = 14  # that statistics look back

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """A queue now.

    Attributes:
        weight: from the plan; 0 = the plan does not have this queue.
        share: configured share of starts (0 to 1) while all queues have work.
        counts: jobs by state, all seven states. `dead` leaves out what has been replayed.
        replayed: dead jobs that have been replayed and are still kept.
        poison: entries whose record was none, moved aside by workers.
        oldest_wait_ms: how long the next job in line has been due; None = nothing waits.
    """

    name: str
    weight: int
    share: float
    paused: bool
    counts: Mapping[JobState, int]
    replayed: int = 0
    poison: int = 0
    oldest_wait_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A queue over the last while. Means are None while there is nothing to take them of.

    Attributes:
        share: of all starts in the window (0 to 1), over all queues asked for.
        wait_ms: mean time from due to start.
        run_ms: mean run of an attempt.
    """

    started: int
    complete: int
    failed: int
    started_per_s: float
    complete_per_s: float
    failed_per_s: float
    share: float
    wait_ms: float | None
    run_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A job in the hands of a worker.

    Attributes:
        progress: 0 to 1 as the handler reports it, or None.
        overdue: past its timeout and still not stopped.
    """

    key: str
    queue: str = ""
    type: str = ""
    started_ms: int = 0
    ran_ms: int = 0
    attempt: int = 1
    progress: float | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """A worker as it last reported itself.

    Attributes:
        active: jobs it runs; ``running`` names the first of them.
        queues: queue -> weight.
        starts: queue -> jobs started since the worker began.
        state: ``running``, ``quiet`` (told to claim nothing) or ``stopping``.
        types: of jobs it has handlers for.
        skew_ms: how far the clock of its host is ahead of the broker's, to the delay of a report.
        fingerprint: of the plan it runs.
        lease_ms: life of its leases, renewed every third of it.
    """

    id: str
    host: str = ""
    pid: int = 0
    started_ms: int = 0
    seen_ms: int = 0
    state: str = "running"
    concurrency: int = 0
    active: int = 0
    running: tuple[Running, ...] = ()
    queues: Mapping[str, int] = field(default_factory=dict)
    scheduling: str = "weighted"
    types: tuple[str, ...] = ()
    skew_ms: int = 0
    starts: Mapping[str, int] = field(default_factory=dict)
    fingerprint: str = ""
    version: str = ""
    lease_ms: int = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureLine:
    """One failed attempt.

    Attributes:
        outcome: ``retry``, ``dead`` or ``lost``.
        error: one line.
    """

    key: str
    queue: str = ""
    type: str = ""
    at_ms: int = 0
    attempt: int = 0
    max_attempts: int = 0
    outcome: str = ""
    error: str = ""
    worker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything `jobctl top` shows, as of one moment of the broker's clock."""

    at_ms: int
    queues: tuple[QueueStatus, ...]
    rates: Mapping[str, Rates]
    workers: tuple[WorkerStatus, ...]
    failures: tuple[FailureLine, ...]
    overdue: tuple[str, ...] = ()
    """Schedules whose next tick has been due for a while and that no scheduler has claimed."""


_WORKER = msgspec.json.Decoder(WorkerStatus)
_FAILURE = msgspec.json.Decoder(FailureLine)


def read_workers(reports: Iterable[bytes | None]) -> tuple[WorkerStatus, ...]:
    """Read workers' reports, the longest running first. What is gone or is no report is left out."""
    found = _readable(_WORKER, (raw for raw in reports if raw is not None))
    return tuple(sorted(found, key=lambda worker: (worker.started_ms, worker.id)))


def read_failures(lines: Iterable[bytes]) -> tuple[FailureLine, ...]:
    """Read the list of failures in its order. What is no failure is left out."""
    return tuple(_readable(_FAILURE, lines))


def _readable(decoder: msgspec.json.Decoder[T], raws: Iterable[bytes]) -> Iterator[T]:
    for raw in raws:
        try:
            yield decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue  # written by a version that we do not know


def rate_buckets(now_ms: int, window_s: int) -> range:
    """Return the numbers of the buckets that cover the last ``window_s`` seconds; the last one is still filling.

    Example:
        >>> rate_buckets(now_ms=100_000, window_s=30)
        range(7, 11)
    """
    current = now_ms // (RATE_BUCKET_S * 1000)
    full = min(max(window_s, RATE_BUCKET_S), RATE_KEPT_S) // RATE_BUCKET_S
    return range(current - full, current + 1)


def sum_rates(
    buckets_by_queue: Mapping[str, Iterable[Mapping[bytes, bytes]]], now_ms: int, window: range
) -> dict[str, Rates]:
    """Return each queue's rates from the counts of its buckets.

    Args:
        buckets_by_queue: queue -> the hashes of its buckets, as Redis answers them.
        now_ms: the broker's clock.
        window: which buckets these are.
    """
    elapsed_s = max(now_ms / 1000 - window.start * RATE_BUCKET_S, 1.0)
    sums = {queue: _sum(buckets) for queue, buckets in buckets_by_queue.items()}
    starts = sum(counts["started"] for counts in sums.values())
    return {queue: _rates(counts, starts, elapsed_s) for queue, counts in sums.items()}


def _sum(buckets: Iterable[Mapping[bytes, bytes]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for bucket in buckets:
        for name, count in bucket.items():
            counts[name.decode("utf-8", "replace")] += int(count)
    return counts


def _rates(counts: Counter[str], all_starts: int, elapsed_s: float) -> Rates:
    started, complete, failed = counts["started"], counts["complete"], counts["failed"]
    ended = complete + failed
    return Rates(
        started=started,
        complete=complete,
        failed=failed,
        started_per_s=started / elapsed_s,
        complete_per_s=complete / elapsed_s,
        failed_per_s=failed / elapsed_s,
        share=started / all_starts if all_starts else 0.0,
        wait_ms=counts["wait_ms"] / started if started else None,
        run_ms=counts["run_ms"] / ended if ended else None,
    )


def waited_ms(raw: bytes | None, now_ms: int) -> int | None:
    """Return how long the job at the head of a queue has been due; None = there is none, or it does not say."""
    if raw is None:
        return None
    try:
        wire = read_wire(raw)
    except ValueError:
        return None
    due_ms = max(wire.queued, int(wire.scheduled * 1000))
    return max(now_ms - due_ms, 0) if due_ms else None
