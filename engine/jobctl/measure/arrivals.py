"""When jobs are meant to arrive: an open workload, whose senders do not wait for the system they measure.

A latency counts from the intended time. Whoever counts from the actual one leaves out the very waits that a stalled
system caused (coordinated omission).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Protocol


class Arrivals(Protocol):
    """A sequence of intended times, seconds on any clock."""

    def first(self, now_s: float) -> float:
        """Return the first time, at `now_s` or later."""

    def next(self, last_s: float) -> float:
        """Return the time after `last_s`, whatever the clock says: who is late catches up."""


@dataclass(frozen=True, slots=True)
class Even:
    """One every `interval_s`. The first comes within one interval, at random: many senders do not send in step."""

    interval_s: float
    random: Random

    def first(self, now_s: float) -> float:
        """Return the first time."""
        return now_s + self.random.random() * self.interval_s

    def next(self, last_s: float) -> float:
        """Return the time after."""
        return last_s + self.interval_s


@dataclass(frozen=True, slots=True)
class Poisson:
    """One every `interval_s` on average, independent of each other: what many users make together."""

    interval_s: float
    random: Random

    def first(self, now_s: float) -> float:
        """Return the first time."""
        return self.next(now_s)

    def next(self, last_s: float) -> float:
        """Return the time after."""
        return last_s + self.random.expovariate(1 / self.interval_s)


@dataclass(frozen=True, slots=True)
class Together:
    """One every `interval_s` at whole multiples of it: all senders of one clock send at the same moment."""

    interval_s: float

    def first(self, now_s: float) -> float:
        """Return the first time."""
        return math.ceil(now_s / self.interval_s) * self.interval_s

    def next(self, last_s: float) -> float:
        """Return the time after."""
        return (round(last_s / self.interval_s) + 1) * self.interval_s
