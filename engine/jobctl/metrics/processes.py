"""The metrics of worker processes, from their snapshots: of this process, or of those under a supervisor."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from jobctl.metrics.catalog import WORKER, Scrape
from jobctl.metrics.counts import Bounded, read_counts, tell_counts
from jobctl.worker.snapshot import Snapshot

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

MOST_TYPES = 200
STALE_S = 30.0  # a process that has not moved its event loop for so long is told of no more, and is not healthy

Snapshots = Callable[[], Mapping[int, Snapshot]]
"""Returns the latest snapshot of each process, by its number from 1."""

_decode = msgspec.json.Decoder(Snapshot).decode


class Own:
    """The snapshot of this process, which has no supervisor."""

    def __init__(self) -> None:
        self._latest: Snapshot | None = None

    def tell(self, snapshot: Snapshot) -> None:
        """Keep the latest."""
        self._latest = snapshot

    def __call__(self) -> Mapping[int, Snapshot]:
        """Return it as number 1."""
        return {} if self._latest is None else {1: self._latest}


class Folder:
    """Snapshots of the processes of one supervisor, a file each.

    In files, because a worker must never wait for whoever reads them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def teller(self, number: int) -> Callable[[Snapshot], None]:
        """Return what a worker process keeps its snapshots with."""
        pid = os.getpid()
        place, draft = self._path / f"{number}-{pid}.json", self._path / f"{number}-{pid}.new"

        def tell(snapshot: Snapshot) -> None:
            with contextlib.suppress(OSError):  # the supervisor has ended and taken the folder with it
                draft.write_bytes(msgspec.json.encode(snapshot))
                draft.replace(place)

        return tell

    def __call__(self) -> Mapping[int, Snapshot]:
        """Return the latest of each number: where one process takes another's place, that of the successor."""
        found: dict[int, Snapshot] = {}
        for path in self._path.glob("*.json"):
            with contextlib.suppress(OSError, ValueError):
                snapshot = _decode(path.read_bytes())
                number = int(path.name.partition("-")[0])
                if time.time() - snapshot.seen_at > STALE_S:
                    path.unlink(missing_ok=True)
                elif number not in found or snapshot.started_at > found[number].started_at:
                    found[number] = snapshot
        return found


class Processes:
    """Tells of worker processes: their metrics, whether they live, whether they take jobs.

    Args:
        snapshots: where the snapshots are.
        count: processes wanted.
    """

    def __init__(self, snapshots: Snapshots, count: int = 1) -> None:
        self._snapshots = snapshots
        self._count = count
        self._types = Bounded(MOST_TYPES)
        self._began_at = time.time()

    def scrape(self) -> list[Family]:
        """Return all families."""
        scrape = Scrape(WORKER)
        for number, one in sorted(self._snapshots().items()):
            process = str(number)
            scrape.add("jobctl_worker", 1, process, one.worker, one.version, one.plan)
            scrape.add("jobctl_worker_start_time_seconds", one.started_at, process)
            scrape.add("jobctl_worker_stopping", one.is_stopping, process)
            scrape.add("jobctl_worker_broker_up", one.is_broker_up, process)
            scrape.add("jobctl_worker_slots", one.slots, process)
            scrape.add("jobctl_worker_slots_busy", one.busy, process)
            scrape.add("jobctl_worker_leases_held", one.leases, process)
            scrape.add("jobctl_worker_ends_untold", one.untold, process)
            scrape.add("jobctl_worker_loop_lag_seconds", one.lag_s, process)
            scrape.add("jobctl_worker_memory_bytes", one.memory_bytes, process)
            scrape.add("jobctl_worker_cpu_seconds", one.cpu_s, process)
            for queue, fields in one.totals.items():
                tell_counts(scrape, "jobctl_worker", (process, queue), read_counts(fields.items(), self._types))
        return scrape.families()

    def unhealthy(self) -> str:
        """Return why a probe of liveness is to fail, or "": no event loop has moved for half a minute."""
        fresh = [one for one in self._snapshots().values() if time.time() - one.seen_at <= STALE_S]
        if fresh or time.time() - self._began_at <= STALE_S:
            return ""
        return f"no worker process has been heard of for {STALE_S:.0f} s"

    def unready(self) -> str:
        """Return why a probe of readiness is to fail, or "": some process does not take jobs."""
        found = self._snapshots()
        ready = sum(one.is_ready for one in found.values())
        return "" if ready >= self._count else f"{ready} of {self._count} worker processes take jobs"
