"""Every key jobctl or SAQ uses in Redis, in one place.

SAQ's own keys keep SAQ's names, so that stock producers, workers and its web page work on the same queues. Ours
stand beside them under ``jobctl:``; nothing of ours is under ``saq:job:`` but SAQ's records.
"""

from __future__ import annotations

JOB_PREFIX = "saq:job:"
UNIQUE = "jobctl:unique:"

QUEUES = "jobctl:queues"
"""Set: the name of every queue that ever held a job of ours."""
WORKERS = "jobctl:workers"
"""Sorted set: worker id -> ms when its report expires."""
FAILURES = "jobctl:failures"
"""List, newest first, capped: one JSON object per failed attempt."""
SCHEDULES = "jobctl:schedules:seen"
"""Sorted set: schedule id -> ms when a scheduler last had it in its plan."""
SCHEDULES_RENAMED = "jobctl:schedules:renamed"
"""Hash: former schedule id -> its id now, so that schedulers of the old plan and the new one share their ticks."""
SCHEDULES_OPEN = "jobctl:schedules:open"
"""Sorted set: ``schedule id|job id`` of runs without an outcome in the history -> ms when last looked at."""
PLAN = "jobctl:plan"
"""String, JSON: the facts of the plan that runs here, see `jobctl.broker.applied`."""
AUDIT = "jobctl:audit"
"""Stream, capped: what operators did, see `jobctl.inspector.audit`."""
ALERTS = "jobctl:alerts"
"""Hash: alert -> JSON, what has been told of it, see `jobctl.alerts.ledger`."""
ALERTS_WATCHER = "jobctl:alerts:watcher"
"""String, expires: id of the worker that looks for alerts."""
LOADTEST = "jobctl:loadtest"
"""String, expires: the run id of the load test that has this broker."""
LOADTEST_QUEUES = "jobctl:loadtest:queues"
"""Set: queues that a load test has made and will remove."""
INCOMPLETE_OF_ANY = "saq:*:incomplete"
"""Pattern of the index that every queue with unfinished jobs has, SAQ's as well."""
REPLAY_RUNS = "jobctl:replays"
"""Hash: id of a replay that has not done its work -> JSON, see `jobctl.inspector.runs`."""
WAKE = "jobctl:wake"
"""Channel: a queue's name is published when something became due, resumed or cancelled there."""
CLOCK = "jobctl:clock"
"""String, microseconds since the epoch: the stepped clock of the test harness, see `jobctl.broker.server_clock`."""


def job_id(queue: str, key: str) -> str:
    """Return the key of a job's record (string, JSON)."""
    return f"{JOB_PREFIX}{queue}:{key}"


def split_job_id(job_id: str) -> tuple[str, str]:
    """Return ``(queue, key)`` of a record's key."""
    queue, _, key = job_id[len(JOB_PREFIX) :].partition(":")
    return queue, key


def worker(worker_id: str) -> str:
    """Return the key of a worker's report (string, JSON, expires)."""
    return f"jobctl:worker:{worker_id}"


def order_for(worker_id: str) -> str:
    """Return the key of what an operator told a worker last (string, expires), see `jobctl.worker.orders`."""
    return f"jobctl:order:{worker_id}"


def credits_of(worker_id: str) -> str:
    """Return the key of a worker's credits in its round robin of queues (string, expires)."""
    return f"jobctl:credits:{worker_id}"


def abort_mark(key: str) -> str:
    """Return the key of the mark SAQ leaves for a few seconds when a job is aborted (string: the reason).

    It has no queue in it: SAQ's own enqueue refuses the job key in every queue meanwhile. Ours does not look at it.
    """
    return f"saq:abort:{key}"


def unique_lock(job_type: str, digest: str) -> str:
    """Return the key of a unique lock (string: id of the job that holds it)."""
    return f"{UNIQUE}{job_type}:{digest}"


def schedule(schedule_id: str) -> str:
    """Return the key of what is stored of a schedule (hash).

    Fields: ``last_ms`` (last tick claimed), ``job`` (ids of runs that may not have ended, one a line), ``paused_ms``,
    ``definition`` (JSON), ``timing``, ``signature`` (what tells a renamed schedule), ``type``, ``added_ms``,
    ``changed_ms``, ``removed_ms``.
    """
    return f"jobctl:schedule:{schedule_id}"


def schedule_history(schedule_id: str) -> str:
    """Return the key of a schedule's latest runs (sorted set: job key -> ms of its claim)."""
    return f"jobctl:schedule:{schedule_id}:history"


def schedule_runs(schedule_id: str) -> str:
    """Return the key of what is known of these runs (hash: job key -> JSON)."""
    return f"jobctl:schedule:{schedule_id}:runs"


def schedule_waiting(schedule_id: str) -> str:
    """Return the key of ticks that wait for the end of the run before them (sorted set: tick ms)."""
    return f"jobctl:schedule:{schedule_id}:waiting"


class QueueKeys:
    """The keys of one queue.

    SAQ's: ``queued`` and ``active`` (lists of ids), ``incomplete`` (sorted set: id -> due time in epoch seconds,
    0 = due), ``sweep`` (SAQ's sweep stands still while it exists), ``stats``.

    Ours, sorted sets: ``leases`` (id -> ms when the lease ends), ``retrying`` (id -> due ms), ``complete``, ``dead``,
    ``cancelled`` (id -> ms when it ended), ``replayed`` (dead jobs that have been replayed), ``expiry`` (id, or
    ``@{ended ms}:{seconds kept}`` for all that completed in one millisecond -> ms when the record is forgotten),
    ``strays`` (id active without a token -> ms first seen).

    Hashes: ``owners`` (id -> token of the delivery that holds the lease), ``crashes`` and ``interruptions`` (id ->
    count), ``losses`` (id -> JSON objects joined by commas, one per delivery lost or handed back), ``replays`` (id ->
    keys of its replays), ``poison`` (id -> raw bytes that are no record), ``cancels`` (id -> reason, for a running
    job). ``paused`` exists while the queue is paused. ``watched`` (string) says when upkeep was last done, ms, and when
    it last granted a respite after an outage, ms. ``totals`` (hash) counts what workers did since ever, see
    `jobctl.worker.tally.QueueSums`.
    """

    __slots__ = (
        "active", "cancelled", "cancels", "complete", "crashes", "dead", "expiry", "incomplete", "interruptions",
        "leases", "losses", "name", "owners", "paused", "poison", "prefix", "queued", "replayed", "replays",
        "retrying", "stats", "strays", "sweep", "totals", "watched",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.prefix = f"{JOB_PREFIX}{name}:"
        self.queued = f"saq:{name}:queued"
        self.active = f"saq:{name}:active"
        self.incomplete = f"saq:{name}:incomplete"
        self.stats = f"saq:{name}:stats"
        self.sweep = f"saq:{name}:sweep"
        self.leases = f"jobctl:{name}:leases"
        self.owners = f"jobctl:{name}:owners"
        self.retrying = f"jobctl:{name}:retrying"
        self.complete = f"jobctl:{name}:complete"
        self.dead = f"jobctl:{name}:dead"
        self.cancelled = f"jobctl:{name}:cancelled"
        self.replayed = f"jobctl:{name}:replayed"
        self.expiry = f"jobctl:{name}:expiry"
        self.strays = f"jobctl:{name}:strays"
        self.watched = f"jobctl:{name}:watched"
        self.replays = f"jobctl:{name}:replays"
        self.crashes = f"jobctl:{name}:crashes"
        self.interruptions = f"jobctl:{name}:interruptions"
        self.losses = f"jobctl:{name}:losses"
        self.poison = f"jobctl:{name}:poison"
        self.cancels = f"jobctl:{name}:cancels"
        self.paused = f"jobctl:{name}:paused"
        self.totals = f"jobctl:{name}:totals"

    def worker_info(self, worker_id: str) -> str:
        """Return the key under which SAQ looks for a worker's info (string, JSON, expires)."""
        return f"saq:{self.name}:worker_info:{worker_id}"

    def log(self, key: str) -> str:
        """Return the key of the lines a job wrote (stream of field ``line``: JSON), the latest ones."""
        return f"jobctl:{self.name}:log:{key}"

    def day(self, day: str) -> str:
        """Return the key of a day's counters (hash), ``day`` as ``20260131`` in UTC.

        Fields: see `jobctl.worker.tally.QueueSums`.
        """
        return f"jobctl:{self.name}:day:{day}"

    def rate(self, bucket: int) -> str:
        """Return the key of ten seconds' counters (hash), ``bucket`` = epoch seconds // 10."""
        return f"jobctl:{self.name}:rate:{bucket}"

    def fixed(self) -> tuple[str, ...]:
        """Return all keys of the queue but those of `patterns`."""
        return tuple(getattr(self, name) for name in self.__slots__ if name not in ("name", "prefix"))

    def patterns(self) -> tuple[str, ...]:
        """Return the patterns of the keys there are any number of: records, reports, counters by time, logs."""
        return f"{self.prefix}*", self.worker_info("*"), self.day("*"), f"jobctl:{self.name}:rate:*", self.log("*")
