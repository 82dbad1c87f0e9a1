"""The exporter: the broker's state, scraped. Its commands grow with queues and schedules, never the backlog."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobctl.broker.connect import translate_errors
from jobctl.broker.cycle import LEASE_MS
from jobctl.broker.keys import QueueKeys
from jobctl.errors import BrokerError
from jobctl.inspector.inspector import Inspector
from jobctl.metrics.catalog import BROKER, Scrape
from jobctl.metrics.counts import Bounded, read_counts, tell_counts

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan
    from jobctl.inspector.schedules import ScheduleStatus
    from jobctl.inspector.status import Overview

log = logging.getLogger(__name__)

MOST_TYPES = 200
MOST_QUEUES = 100
MOST_SCHEDULES = 200
FRESH_S = 1.0  # two Prometheus servers that scrape together cost one
SHARE_WINDOW_S = 60


class Exporter:
    """Scrapes a broker.

    Args:
        redis: an asyncio client that answers bytes.
        plan: names, weights and shares of queues, and the schedules, if there are specs.
    """

    def __init__(self, redis: Redis, plan: Plan | None = None) -> None:
        self._redis = redis
        self._inspector = Inspector(redis, plan)
        self._types = Bounded(MOST_TYPES)
        self._queues = Bounded(MOST_QUEUES)
        self._schedules = Bounded(MOST_SCHEDULES)
        for registration in plan.registrations if plan else ():
            self._types(registration.type)
        self._lock = asyncio.Lock()
        self._latest: tuple[float, list[Family]] | None = None

    async def scrape(self) -> list[Family]:
        """Return all families; those of a second ago if they were asked for then.

        A broker that does not answer is told of by ``jobctl_up``.
        """
        async with self._lock:
            if self._latest is None or time.monotonic() - self._latest[0] > FRESH_S:
                self._latest = (time.monotonic(), await self._scrape())
            return self._latest[1]

    async def _scrape(self) -> list[Family]:
        scrape = Scrape(BROKER)
        began_at = time.monotonic()
        try:
            await self._tell_all(scrape)
        except BrokerError as error:
            log.warning("the broker cannot be scraped", extra={"error": error.message})
            scrape = Scrape(BROKER)
            scrape.add("jobctl_up", 0)
            return scrape.families()
        scrape.add("jobctl_up", 1)
        scrape.add("jobctl_exporter_scrape_seconds", time.monotonic() - began_at)
        omitted = self._types.omitted + self._queues.omitted + self._schedules.omitted
        scrape.add("jobctl_exporter_names_omitted", omitted)
        return scrape.families()

    async def _tell_all(self, scrape: Scrape) -> None:
        overview = await self._inspector.overview(window_s=SHARE_WINDOW_S, failures=1)
        queues = [queue.name for queue in overview.queues if self._queues(queue.name) == queue.name]
        with translate_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                for section in ("memory", "stats", "clients"):
                    pipe.info(section)
                for name in queues:
                    of = QueueKeys(name)
                    pipe.hgetall(of.totals)
                    pipe.zcard(of.leases)
                    pipe.zrange(of.leases, 0, 0, withscores=True)
                memory, stats, clients, *answers = await pipe.execute()
        self._tell_queues(scrape, overview, queues)
        _tell_workers(scrape, overview)
        lease_ms = max((worker.lease_ms for worker in overview.workers), default=LEASE_MS)
        for name, totals, leases, first in zip(queues, *(answers[n::3] for n in range(3)), strict=True):
            counts = ((field.decode(errors="replace"), int(count)) for field, count in totals.items())
            tell_counts(scrape, "jobctl_job", (name,), read_counts(counts, self._types))
            scrape.add("jobctl_queue_leases", leases, name)
            age_ms = lease_ms - (first[0][1] - overview.at_ms) if first else 0
            scrape.add("jobctl_queue_lease_age_seconds", max(age_ms, 0) / 1000, name)
        self._tell_schedules(scrape, await self._inspector.schedules.statuses())
        scrape.add("jobctl_broker_memory_bytes", memory["used_memory"])
        scrape.add("jobctl_broker_memory_limit_bytes", memory["maxmemory"])
        scrape.add("jobctl_broker_evicted_keys", stats["evicted_keys"])
        scrape.add("jobctl_broker_clients", clients["connected_clients"])

    def _tell_queues(self, scrape: Scrape, overview: Overview, names: Sequence[str]) -> None:
        for queue in overview.queues:
            name = queue.name
            if name not in names:
                continue
            for state, count in queue.counts.items():
                scrape.add("jobctl_jobs", count, name, state.value)
            scrape.add("jobctl_queue_oldest_wait_seconds", (queue.oldest_wait_ms or 0) / 1000, name)
            scrape.add("jobctl_queue_paused", queue.paused, name)
            scrape.add("jobctl_queue_weight", queue.weight, name)
            scrape.add("jobctl_queue_share_configured_ratio", queue.share, name)
            scrape.add("jobctl_queue_share_achieved_ratio", overview.rates[name].share, name)
            scrape.add("jobctl_queue_poison_entries", queue.poison, name)

    def _tell_schedules(self, scrape: Scrape, schedules: Sequence[ScheduleStatus]) -> None:
        shown = [one for one in schedules if self._schedules(one.schedule.id) == one.schedule.id]
        for one in shown:
            name = one.schedule.id
            scrape.add("jobctl_schedule_overdue_seconds", one.overdue_ms / 1000, name)
            scrape.add("jobctl_schedule_paused", one.state == "paused", name)
            if one.last is not None and one.last.how in ("tick", "waited"):
                scrape.add("jobctl_schedule_last_late_seconds", one.last.drift_ms / 1000, name)
            if one.next is not None:
                scrape.add("jobctl_schedule_next_timestamp_seconds", one.next.timestamp(), name)
        scrape.add("jobctl_schedules_overdue", sum(one.overdue_ms > 0 for one in schedules))


def _tell_workers(scrape: Scrape, overview: Overview) -> None:
    workers = overview.workers
    states = Counter(worker.state for worker in workers)
    for state in {"running": 0, "stopping": 0, **states}:
        scrape.add("jobctl_workers", states[state], state)
    scrape.add("jobctl_worker_plans", len({worker.fingerprint for worker in workers}))
    busy = sum(worker.active for worker in workers)
    scrape.add("jobctl_slots", busy, "busy")
    # one that stops claims nothing: what it does not use is nobody's
    free = sum(max(worker.concurrency - worker.active, 0) for worker in workers if worker.state == "running")
    scrape.add("jobctl_slots", free, "free")
