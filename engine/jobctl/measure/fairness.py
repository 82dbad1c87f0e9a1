"""How closely the starts of jobs follow the weights of their queues.

A weight is a share of starts while all queues have work, so only such starts can be measured: cut the sequence with
`busy_prefix` first, or feed more jobs than are started.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WINDOW = 100  # starts; a deviation in starts is then one in percentage points as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """Achieved against configured shares.

    Attributes:
        starts: starts measured.
        window: length of the windows, starts.
        expected: queue -> configured share (0 to 1).
        achieved: queue -> share of all starts (0 to 1).
        worst_starts: furthest any queue was from its expected count in any window, starts.
        worst_points: the same in percentage points of the window.
        worst_queue: the queue of that window; None = there were no starts.
        worst_at: index of that window's first start.
        jain: Jain's index of starts per weight: 1 = exactly by weight, 1/n = one of n queues had everything.
    """

    starts: int
    window: int
    expected: Mapping[str, float]
    achieved: Mapping[str, float]
    worst_starts: float
    worst_points: float
    worst_queue: str | None
    worst_at: int
    jain: float


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
    if not weights or min(weights.values()) < 1:
        raise ValueError("every queue needs a weight of 1 or more")
    if window < 1:
        raise ValueError(f"a window of {window} starts cannot be measured")
    total_weight = sum(weights.values())
    window = min(window, len(starts)) or window
    worst, worst_queue, worst_at = 0.0, None, 0
    if starts:
        counts = Counter(starts[:window])
        # whole numbers until the end: count * total weight against window * weight
        owed = {queue: window * weight for queue, weight in weights.items()}
        furthest = -1
        for at in range(len(starts) - window + 1):
            if at:
                leaving, entering = starts[at - 1], starts[at + window - 1]
                if leaving == entering:
                    continue
                counts[leaving] -= 1
                counts[entering] += 1
                touched: Sequence[str] = (leaving, entering)
            else:
                touched = tuple(weights)
            for queue in touched:
                off = abs(counts[queue] * total_weight - owed.get(queue, 0))
                if off > furthest:
                    furthest, worst_queue, worst_at = off, queue, at
        worst = furthest / total_weight
    started = Counter(starts)
    return Fairness(
        starts=len(starts),
        window=window,
        expected={queue: weight / total_weight for queue, weight in weights.items()},
        achieved={queue: started[queue] / len(starts) if starts else 0.0 for queue in weights},
        worst_starts=worst,
        worst_points=100 * worst / window,
        worst_queue=worst_queue,
        worst_at=worst_at,
        jain=jain_index([started[queue] / weight for queue, weight in weights.items()]),
    )


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
