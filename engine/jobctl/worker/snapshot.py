"""What a worker process knows of itself, as plain data: for its metrics and its probes."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

import jobctl
from jobctl.worker.memory import rss_bytes

if TYPE_CHECKING:
    from jobctl.worker.worker import Worker

PERIOD_S = 1.0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process at one moment.

    Attributes:
        seen_at, started_at: seconds since the epoch, by this host's clock.
        is_ready: it takes jobs: it has started, reaches the broker, and is not about to end.
        lag_s: how late its event loop was.
        totals: queue -> field -> count since it began, as in `jobctl.worker.tally.QueueSums`.
    """

    worker: str
    version: str
    plan: str
    seen_at: float
    started_at: float
    is_ready: bool
    is_stopping: bool
    is_broker_up: bool
    slots: int
    busy: int
    leases: int
    untold: int
    lag_s: float
    memory_bytes: int
    cpu_s: float
    totals: dict[str, dict[str, int]]


class Watcher:
    """Takes a snapshot of a worker once a second. Its `run` goes beside a worker, see `Worker.for_plan`.

    Args:
        tell: what is done with each.
    """

    def __init__(self, tell: Callable[[Snapshot], None]) -> None:
        self._tell = tell
        self._started_at = time.time()

    async def run(self, worker: Worker) -> None:
        """Take snapshots until cancelled."""
        lag_s = 0.0
        while True:
            self._tell(self._take(worker, lag_s))
            slept_at = time.monotonic()
            await asyncio.sleep(PERIOD_S)
            lag_s = max(time.monotonic() - slept_at - PERIOD_S, 0.0)

    def _take(self, worker: Worker, lag_s: float) -> Snapshot:
        state = worker.condition
        used = resource.getrusage(resource.RUSAGE_SELF)
        is_stopping = worker.event.is_set()
        return Snapshot(
            worker=worker.id,
            version=jobctl.__version__,
            plan=worker.duties.plan.fingerprint if worker.duties else "",
            seen_at=time.time(),
            started_at=self._started_at,
            is_ready=worker.started.is_set() and state.is_broker_up and not is_stopping,
            is_stopping=is_stopping,
            is_broker_up=state.is_broker_up,
            slots=worker.concurrency,
            busy=state.busy,
            leases=state.leases,
            untold=state.untold,
            lag_s=lag_s,
            memory_bytes=rss_bytes(),
            cpu_s=used.ru_utime + used.ru_stime,
            totals={queue: dict(counts) for queue, counts in state.totals.items()},
        )
