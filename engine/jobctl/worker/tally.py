"""Counters of what a worker did, gathered in memory and flushed once a second.

They are statistics: a killed worker takes its last second of counts with it. What is true of jobs stands in the
indexes, which the scripts keep exact.
"""

from __future__ import annotations

from collections import defaultdict

RATE_BUCKET_S = 10
RATE_TTL_S = 900
DAY_TTL_S = 90 * 86_400


class Tally:
    """Counts by queue, type and outcome since the last flush; starts by queue, and ends by
    queue and outcome, since the worker's start.
    """

    def __init__(self) -> None:
        self.starts: defaultdict[str, int] = defaultdict(int)
        self.ends: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._days: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._rates: defaultdict[tuple[str, str], int] = defaultdict(int)

    def started(self, queue: str, job_type: str, wait_ms: int) -> None:
        """Count a start and how long the job had waited."""
        self.starts[queue] += 1
        self._rates[queue, "started"] += 1
        if wait_ms > 0:
            self._rates[queue, "wait_ms"] += wait_ms
            self._days[queue, f"{job_type}|wait_ms"] += wait_ms

    def ended(self, queue: str, job_type: str, outcome: str, run_ms: int) -> None:
        """Count an end: complete, retry, dead, cancelled, lost or interrupted."""
        self.ends[queue, outcome] += 1
        self._days[queue, f"{job_type}|{outcome}"] += 1
        if run_ms > 0:
            self._days[queue, f"{job_type}|run_ms"] += run_ms
            self._rates[queue, "run_ms"] += run_ms
        if outcome == "complete":
            self._rates[queue, "complete"] += 1
        elif outcome in ("retry", "dead", "lost"):
            self._rates[queue, "failed"] += 1

    def take(self) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
        """Return and forget what was counted: (by day, by ten seconds), each ``(queue, field) -> count``."""
        days, rates = dict(self._days), dict(self._rates)
        self._days.clear()
        self._rates.clear()
        return days, rates

    def put_back(self, days: dict[tuple[str, str], int], rates: dict[tuple[str, str], int]) -> None:
        """Count again what could not be flushed."""
        for place, count in days.items():
            self._days[place] += count
        for place, count in rates.items():
            self._rates[place] += count
