"""Every metric there is, as data: what is served, documented (docs/metrics.md) and tested comes from here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric as Family

Kind = Literal["counter", "gauge", "histogram", "info"]
BUCKET_S: Final = (
    *(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    *(10.0, 30.0, 60.0, 300.0, 900.0, 3600.0),
)
"""Upper bounds of all histograms, seconds: those that workers count by, `jobctl.worker.tally.BOUNDS_MS`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: without the ``_total`` of counters and the ``_info`` of infos.
        help: one line.
        labels: names of its labels, in order.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def sample_name(self) -> str:
        """What a query calls it."""
        return self.name + {"counter": "_total", "info": "_info"}.get(self.kind, "")


QUEUE: Final = ("queue",)
SCHEDULE: Final = ("schedule",)
JOB: Final = ("queue", "type")

BROKER: Final = (
    Metric("jobctl_up", "gauge", "Whether the broker answered this scrape (1) or not (0)"),
    Metric("jobctl_jobs", "gauge", "Jobs by state; dead ones that have been replayed are left out", ("queue", "state")),
    Metric("jobctl_queue_oldest_wait_seconds", "gauge", "How long the next job in line is due; 0 = none", QUEUE),
    Metric("jobctl_queue_paused", "gauge", "Whether the queue is paused (1)", QUEUE),
    Metric("jobctl_queue_weight", "gauge", "Weight of the queue in the specs; 0 = they do not have it", QUEUE),
    Metric("jobctl_queue_share_configured_ratio", "gauge", "Share of starts while all queues have work, 0 to 1", QUEUE),
    Metric("jobctl_queue_share_achieved_ratio", "gauge", "Share of all starts of the last minute, 0 to 1", QUEUE),
    Metric("jobctl_queue_poison_entries", "gauge", "Entries whose record was none, moved aside by workers", QUEUE),
    Metric("jobctl_queue_leases", "gauge", "Jobs held by a lease of a worker", QUEUE),
    Metric(
        "jobctl_queue_lease_age_seconds",
        "gauge",
        "Time since the renewal of the lease that was renewed the longest ago; past the lease time its worker is lost",
        QUEUE,
    ),
    Metric("jobctl_job_starts", "counter", "Attempts started", JOB),
    Metric(
        "jobctl_job_outcomes",
        "counter",
        "Attempts ended: complete, retry (failed, to be tried again), dead, cancelled",
        (*JOB, "outcome"),
    ),
    Metric(
        "jobctl_job_redeliveries",
        "counter",
        "Jobs handed out again without spending a retry: their worker was lost, or interrupted by a shutdown",
        (*JOB, "reason"),
    ),
    Metric("jobctl_job_wait_seconds", "histogram", "From due to start, of first attempts", JOB),
    Metric("jobctl_job_run_seconds", "histogram", "Run of an attempt, however it ended", JOB),
    Metric("jobctl_job_total_seconds", "histogram", "From due to the job's end, with all attempts and waits", JOB),
    Metric("jobctl_schedule_overdue_seconds", "gauge", "How long a tick is due and unclaimed; 0 = none", SCHEDULE),
    Metric(
        "jobctl_schedule_last_late_seconds",
        "gauge",
        "How late the latest tick was claimed after its time",
        SCHEDULE,
    ),
    Metric("jobctl_schedule_next_timestamp_seconds", "gauge", "When the next tick is due", SCHEDULE),
    Metric("jobctl_schedule_paused", "gauge", "Whether the schedule is paused (1)", SCHEDULE),
    Metric("jobctl_schedules_overdue", "gauge", "Schedules with an overdue tick"),
    Metric("jobctl_workers", "gauge", "Workers that reported within 20 s, by state: running, stopping", ("state",)),
    Metric("jobctl_worker_plans", "gauge", "Plans that the workers run; more than 1 = a rollout is under way"),
    Metric("jobctl_slots", "gauge", "Slots of all workers, by state: busy, free", ("state",)),
    Metric("jobctl_broker_memory_bytes", "gauge", "Memory the broker uses"),
    Metric("jobctl_broker_memory_limit_bytes", "gauge", "The broker's maxmemory; 0 = no limit"),
    Metric("jobctl_broker_evicted_keys", "counter", "Keys the broker has evicted: each may have been a job"),
    Metric("jobctl_broker_clients", "gauge", "Connections of the broker"),
    Metric("jobctl_exporter_scrape_seconds", "gauge", "Time this scrape took to ask the broker"),
    Metric("jobctl_exporter_names_omitted", "gauge", "Types, queues and schedules told as `other` or not at all"),
)
"""Of the broker's state, from `jobctl metrics`. Counts are those of our workers; stock SAQ workers keep none."""

PROCESS: Final = ("process",)
WORKER_JOB: Final = ("process", "queue", "type")

WORKER: Final = (
    Metric("jobctl_worker", "info", "The worker: its id, version and plan", (*PROCESS, "worker", "version", "plan")),
    Metric("jobctl_worker_start_time_seconds", "gauge", "When the worker began", PROCESS),
    Metric("jobctl_worker_stopping", "gauge", "Whether it claims no more jobs and is about to end (1)", PROCESS),
    Metric("jobctl_worker_broker_up", "gauge", "Whether its latest turn reached the broker (1)", PROCESS),
    Metric("jobctl_worker_slots", "gauge", "Jobs it may run at once", PROCESS),
    Metric("jobctl_worker_slots_busy", "gauge", "Jobs it runs now", PROCESS),
    Metric(
        "jobctl_worker_leases_held",
        "gauge",
        "Leases it renews: of running jobs and of untold ends",
        PROCESS,
    ),
    Metric("jobctl_worker_ends_untold", "gauge", "Ended jobs that the broker has not been told of yet", PROCESS),
    Metric("jobctl_worker_loop_lag_seconds", "gauge", "How late its event loop was the last time it looked", PROCESS),
    Metric("jobctl_worker_memory_bytes", "gauge", "Resident memory of the process", PROCESS),
    Metric("jobctl_worker_cpu_seconds", "counter", "CPU time of the process, user and system", PROCESS),
    Metric("jobctl_worker_starts", "counter", "Attempts it started", WORKER_JOB),
    Metric(
        "jobctl_worker_outcomes",
        "counter",
        "Attempts it ended: complete, retry, dead, cancelled",
        (*WORKER_JOB, "outcome"),
    ),
    Metric(
        "jobctl_worker_redeliveries",
        "counter",
        "Jobs it handed back (interrupted), or found lost by another worker and handed out again (lost)",
        (*WORKER_JOB, "reason"),
    ),
    Metric("jobctl_worker_wait_seconds", "histogram", "From due to start of the first attempts it started", WORKER_JOB),
    Metric("jobctl_worker_run_seconds", "histogram", "Run of the attempts it ended", WORKER_JOB),
    Metric("jobctl_worker_total_seconds", "histogram", "From due to end of the jobs it ended", WORKER_JOB),
)
"""Of one worker process, from `jobctl run --metrics-port`. `process` is 1, or its number under `--processes`."""

OUTCOMES: Final = ("complete", "retry", "dead", "cancelled")
REASONS: Final = ("lost", "interrupted")

_BY_NAME: Final[Mapping[str, Metric]] = {metric.name: metric for metric in (*BROKER, *WORKER)}


class Scrape:
    """The families of one scrape, made as their samples come, in the order of the catalog.

    Example:
        >>> scrape = Scrape(BROKER)
        >>> scrape.add("jobctl_jobs", 3, "default", "dead")
        >>> [sample.labels for family in scrape.families() for sample in family.samples]
        [{'queue': 'default', 'state': 'dead'}]
    """

    def __init__(self, catalog: Iterable[Metric]) -> None:
        self._order = tuple(catalog)
        self._families: dict[str, Family] = {}

    def add(self, name: str, value: float, *labels: str) -> None:
        """Add a sample of a gauge, counter or info."""
        if _BY_NAME[name].kind == "info":
            names = _BY_NAME[name].labels
            self._family(name).add_metric([], dict(zip(names, labels, strict=True)))  # type: ignore[attr-defined]
        else:
            self._family(name).add_metric(labels, value)  # type: ignore[attr-defined]

    def add_histogram(self, name: str, counts: Sequence[int], sum_s: float, *labels: str) -> None:
        """Add a histogram.

        Args:
            counts: per bucket of `BUCKET_S` and for what is beyond the last: how many lie in it alone.
            sum_s: of all times, seconds.
        """
        total, buckets = 0, []
        for bound, count in zip((*map(str, BUCKET_S), "+Inf"), counts, strict=True):
            total += count
            buckets.append((bound, total))
        self._family(name).add_metric(labels, buckets=buckets, sum_value=sum_s)  # type: ignore[attr-defined]

    def families(self) -> list[Family]:
        """Return the families that have samples."""
        return [self._families[metric.name] for metric in self._order if metric.name in self._families]

    def _family(self, name: str) -> Family:
        if name not in self._families:
            self._families[name] = _family(_BY_NAME[name])
        return self._families[name]


def _family(metric: Metric) -> Family:
    from prometheus_client import core  # not at the top: the documents need the catalog only

    if metric.kind == "counter":
        return core.CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    if metric.kind == "histogram":
        return core.HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    if metric.kind == "info":
        return core.InfoMetricFamily(metric.name, metric.help)
    return core.GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
