"""The first page: everything at one glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobctl.inspector.status import QueueStatus, Rates
from jobctl.records import JobState
from jobctl_web.console import Console, Snapshot
from jobctl_web.page import Ask, Page

SPARK_STEPS = 60  # ten minutes
RECENT_FAILURES = 8


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue with its last minutes.

    Attributes:
        rates: None where nothing was ever counted.
        error_share: failed attempts of all that ended in the last minute (0 to 1); None without any.
    """

    status: QueueStatus
    rates: Rates | None
    error_share: float | None
    starts_per_s: list[float]

    @property
    def waiting(self) -> int:
        """Jobs that wait: due, to be retried, or for later."""
        return sum(self.status.counts[each] for each in (JobState.QUEUED, JobState.RETRYING, JobState.SCHEDULED))


def queue_lines(snapshot: Snapshot) -> list[QueueLine]:
    """Return all queues."""
    overview = snapshot.overview
    return [
        QueueLine(
            status=queue,
            rates=(rates := overview.rates.get(queue.name)),
            error_share=error_share(rates),
            starts_per_s=snapshot.per_s("started", [queue.name])[-SPARK_STEPS:],
        )
        for queue in overview.queues
    ]


def error_share(rates: Rates | None) -> float | None:
    """Return which share of the attempts that ended had failed."""
    ended = rates.complete + rates.failed if rates else 0
    return rates.failed / ended if rates and ended else None


def slots(snapshot: Snapshot) -> tuple[int, int]:
    """Return ``(busy, all)`` slots of all workers."""
    workers = snapshot.overview.workers
    return sum(worker.active for worker in workers), sum(worker.concurrency for worker in workers)


async def load(console: Console, _: Ask) -> dict[str, Any]:
    """Read the overview."""
    snapshot = await console.snapshot()
    overview = snapshot.overview
    queues = [queue.name for queue in overview.queues]
    totals = {state: sum(queue.counts[state] for queue in overview.queues) for state in JobState}
    rates = overview.rates.values()
    busy, slots_in_all = slots(snapshot)
    ended = sum(each.complete + each.failed for each in rates)
    return {
        "overview": overview,
        "queues": queue_lines(snapshot),
        "totals": totals,
        "started_per_s": sum(each.started_per_s for each in rates),
        "failed_share": sum(each.failed for each in rates) / ended if ended else None,
        "busy": busy,
        "slots": slots_in_all,
        "oldest_wait_ms": max((queue.oldest_wait_ms or 0 for queue in overview.queues), default=0),
        "moments": snapshot.moments,
        "complete_per_s": snapshot.per_s("complete", queues),
        "failed_per_s": snapshot.per_s("failed", queues),
        "failures": overview.failures[:RECENT_FAILURES],
    }


PAGE = Page(path="/", template="overview.html", load=load, section="overview")
