"""How closely the starts of jobs follow the weights of their queues. `docs/fairness.md` defines each figure.

A weight is a share of starts while all queues have work, so only such starts can be measured: cut a sequence with
`busy_prefix` first, or take `busy_spans` of what was seen on the broker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jobctl.measure.starts import Span, Tick

WINDOW = 100  # starts; a deviation in starts is then one in percentage points as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """Achieved against configured shares.

    Attributes:
        starts: starts measured.
        window: length of the windows, starts; where the order within a millisecond is unknown, the least length.
        expected: queue -> configured share (0 to 1).
        achieved: queue -> share of all starts (0 to 1).
        worst_starts: furthest any queue was from its expected count in any window, starts.
        worst_points: furthest any queue's share was from its expected one in any window, percentage points.
        worst_queue: the queue of that window; None = there were no starts.
        worst_at: index of that window's first start.
        rms_points: root mean square of the deviations of all queues in all windows, percentage points.
        jain: Jain's index of starts per weight: 1 = exactly by weight, 1/n = one of n queues had everything.
        longest_gap: queue -> most starts of others between two of its own, or before the first, or after the last.
        starved_ms: queue -> longest time it had work and no start, ms; empty where no times are known.
    """

    starts: int
    window: int
    expected: Mapping[str, float]
    achieved: Mapping[str, float]
    worst_starts: float
    worst_points: float
    worst_queue: str | None
    worst_at: int
    rms_points: float
    jain: float
    longest_gap: Mapping[str, int]
    starved_ms: Mapping[str, float] = field(default_factory=dict)


def measure(starts: Sequence[str], weights: Mapping[str, int], window: int = WINDOW) -> Fairness:
    """Compare a sequence of starts with the weights, in every window of consecutive starts.

    Args:
        starts: queue of each start, in order. Queues without a weight take part as starts nobody was owed.
        weights: queue -> weight, whole numbers >= 1.
        window: starts in a window; a shorter sequence is one window.

    Raises:
        ValueError: no weights, a weight below 1, or a window below 1.

    Example:
        >>> fair = measure(["a", "b", "a"] * 100, {"a": 2, "b": 1}, window=3)
        >>> fair.worst_starts, round(fair.jain, 6)
        (0.0, 1.0)
    """
    ticks = [Tick(at, {queue: 1}) for at, queue in enumerate(starts)]
    return _measure([Span(ticks, 0, len(ticks))] if ticks else [], weights, window, has_times=False)


def measure_spans(spans: Sequence[Span], weights: Mapping[str, int], window: int = WINDOW) -> Fairness:
    """Compare starts whose order within a millisecond is unknown with the weights.

    A window begins and ends where the clock ticks and holds `window` starts or a few more; none reaches over the end
    of a span. Spans shorter than a window are left out, unless all are.

    Args:
        spans: stretches in which every queue had work, from `busy_spans`.
        weights, window: as `measure`.

    Raises:
        ValueError: as `measure`.
    """
    long = [span for span in spans if span.starts >= window]
    return _measure(long or list(spans), weights, window, has_times=True)


def _measure(spans: Sequence[Span], weights: Mapping[str, int], window: int, *, has_times: bool) -> Fairness:
    if not weights or min(weights.values()) < 1:
        raise ValueError("every queue needs a weight of 1 or more")
    if window < 1:
        raise ValueError(f"a window of {window} starts cannot be measured")
    total_weight = sum(weights.values())
    started: Counter[str] = Counter()
    for span in spans:
        for tick in span.ticks:
            started.update(tick.counts)
    queues = [*weights, *(queue for queue in started if queue not in weights)]
    total = started.total()
    window = min(window, total) or window
    worst: tuple[float, float, str | None, int] = (0.0, 0.0, None, 0)
    furthest, squares, measured = -1.0, 0.0, 0
    for first, size, counts in _windows(spans, window):
        for queue in queues:
            # whole numbers until the end: an exact share is off by exactly nothing
            off = abs(counts[queue] * total_weight - size * weights.get(queue, 0))
            share = off / total_weight / size
            squares += share * share
            measured += 1
            if share > furthest:
                furthest, worst = share, (off / total_weight, 100 * share, queue, first)
    return Fairness(
        starts=total,
        window=window,
        expected={queue: weight / total_weight for queue, weight in weights.items()},
        achieved={queue: started[queue] / total if total else 0.0 for queue in weights},
        worst_starts=worst[0],
        worst_points=worst[1],
        worst_queue=worst[2],
        worst_at=worst[3],
        rms_points=100 * (squares / measured) ** 0.5 if measured else 0.0,
        jain=jain_index([started[queue] / weight for queue, weight in weights.items()]),
        longest_gap={queue: max((_gap(span, queue) for span in spans), default=0) for queue in weights},
        starved_ms={queue: max((_starved_ms(span, queue) for span in spans), default=0.0) for queue in weights}
        if has_times
        else {},
    )


def _windows(spans: Sequence[Span], window: int) -> Iterator[tuple[int, int, Counter[str]]]:
    """Yield ``(index of the first start, starts, queue -> starts)`` of the shortest window from each tick on."""
    passed = 0
    for span in spans:
        counts: Counter[str] = Counter()
        size = last = 0
        for tick in span.ticks:
            while size < window and last < len(span.ticks):
                counts.update(span.ticks[last].counts)
                size += span.ticks[last].starts
                last += 1
            if size < window:
                break
            yield passed, size, counts
            counts.subtract(tick.counts)
            size -= tick.starts
            passed += tick.starts
        else:
            continue
        passed += size


def _gap(span: Span, queue: str) -> int:
    longest = gap = 0
    for tick in span.ticks:
        if queue in tick.counts:
            longest, gap = max(longest, gap), 0
        else:
            gap += tick.starts
    return max(longest, gap)


def _starved_ms(span: Span, queue: str) -> float:
    longest, since = 0.0, float(span.from_ms)
    for tick in span.ticks:
        if queue in tick.counts:
            longest, since = max(longest, tick.at_ms - since), tick.at_ms
    return max(longest, span.to_ms - since)


def busy_prefix(starts: Sequence[str], jobs: Mapping[str, int]) -> Sequence[str]:
    """Return the starts up to the moment when the first queue ran out of jobs.

    Args:
        starts: queue of each start, in order.
        jobs: queue -> jobs it held before the first start; none may have been added since.
    """
    if not all(count > 0 for count in jobs.values()):
        return starts[:0]
    left = Counter(jobs)
    for at, queue in enumerate(starts):
        left[queue] -= 1
        if left[queue] <= 0:
            return starts[: at + 1]
    return starts


def jain_index(shares: Sequence[float]) -> float:
    """Return Jain's fairness index: 1 = all shares are equal, 1/n = one of n has everything; 1 without any share.

    Source:
        Jain, Chiu and Hawe, "A quantitative measure of fairness and discrimination", 1984.
    """
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0
