"""What became of the messages of alerts: the jobs that deliver them, the latest to each destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from jobctl.compiler.alerting import TYPE
from jobctl.inspector.filters import where
from jobctl.records import JobRecord
from jobctl.spec.model import ALERTS_QUEUE

if TYPE_CHECKING:
    from jobctl.inspector import Inspector

LOOKED_AT = 300  # jobs, of each state the newest first: an alert is told four times an hour at most
EFFORT = 2_000  # entries of indexes

Deliveries: TypeAlias = dict[tuple[str, int], JobRecord]
"""By alert and number of its destination."""


async def latest(inspector: Inspector) -> Deliveries:
    """Return the latest delivery to each destination, tests among them; nothing where there was none lately.

    Raises:
        BrokerError: the broker does not answer.
    """
    found: Deliveries = {}
    page = await inspector.page(where(queue=ALERTS_QUEUE, type=TYPE), limit=LOOKED_AT, effort=EFFORT)
    for job in page.jobs:
        alert, to = job.payload.get("alert"), job.payload.get("to")
        if not isinstance(alert, str) or not isinstance(to, int):
            continue  # no job of ours
        known = found.get((alert, to))
        if known is None or job.enqueued_ms > known.enqueued_ms:
            found[alert, to] = job
    return found
