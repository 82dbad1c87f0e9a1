"""Ways to divide starts between queues that all have work, simulated: known answers for the measure of fairness.

Each yields the queue of every start, for ever. What a rival does was read in its source; see `docs/fairness.md`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from random import Random


def smooth(weights: Mapping[str, int]) -> Iterator[str]:
    """Smooth weighted round robin: ours. Exact in every window of as many starts as the weights add up to.

    Source:
        I. Sysoev, nginx, upstream weights (2012).

    Example:
        >>> from itertools import islice
        >>> "".join(islice(smooth({"a": 6, "b": 3, "c": 1}), 10))
        'abaabacaba'
    """
    total = sum(weights.values())
    credit = dict.fromkeys(weights, 0)
    while True:
        for queue, weight in weights.items():
            credit[queue] += weight
        richest = max(credit, key=credit.__getitem__)
        credit[richest] -= total
        yield richest


def shuffled(weights: Mapping[str, int], random: Random) -> Iterator[str]:
    """Asynq: every queue stands in a list as often as its weight says; the list is shuffled for every start.

    While all queues have work the first of the list is served: each start is drawn by weight, independently.
    """
    lots = [queue for queue, weight in weights.items() for _ in range(weight)]
    while True:
        random.shuffle(lots)
        yield lots[0]


def strict(weights: Mapping[str, int]) -> Iterator[str]:
    """Strict priority: the heaviest queue as long as it has work; the others starve."""
    heaviest = max(weights, key=weights.__getitem__)
    while True:
        yield heaviest


def rotating(weights: Mapping[str, int]) -> Iterator[str]:
    """Weights in turn (plain weighted round robin): the heaviest has all its starts at once, then the next."""
    while True:
        for queue, weight in weights.items():
            for _ in range(weight):
                yield queue


def split(weights: Mapping[str, int], slots: Mapping[str, int], run_ms: Callable[[str], float]) -> Iterator[str]:
    """Slots split between queues, as with a stock SAQ worker for each: every slot serves one queue alone.

    Args:
        slots: queue -> slots of its own.
        run_ms: draws how long a job of a queue runs. The start share follows slots / run time, not the weights.
    """
    order = list(weights)
    busy = [(0.0, order.index(queue), slot, queue) for queue in order for slot in range(slots[queue])]
    heapq.heapify(busy)
    while True:
        at_ms, place, slot, queue = heapq.heappop(busy)
        yield queue
        heapq.heappush(busy, (at_ms + run_ms(queue), place, slot, queue))
