"""The typed form of job specs: what the YAML said, located, with defaults filled in.

Pure data. Everything here has been checked by `jobctl.spec.load`; nothing downstream checks it again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from jobctl.errors import Location

DEFAULT_QUEUE: Final = "default"
ALERTS_QUEUE: Final = "alerts"
"""Where alerts are delivered from: theirs alone unless declared, so that no backlog holds them up."""
DEFAULT_RETRIES: Final = 3
DEFAULT_TIMEOUT_S: Final = 300.0  # 5 min: long enough for most I/O, short enough to notice at 3 a.m.
DEFAULT_RETENTION_S: Final = 86_400.0  # a day: "what ran last night" must have an answer
DEFAULT_DEAD_RETENTION_S: Final = 90 * 86_400.0
DEFAULT_MAX_CRASHES: Final = 3


class _NoDefault:
    """The type of NO_DEFAULT: one object, also after pickling, so that `is` works in every process."""

    def __repr__(self) -> str:
        return "NO_DEFAULT"

    def __reduce__(self) -> str:
        return "NO_DEFAULT"


NO_DEFAULT: Final = _NoDefault()
"""Marks a payload field without a default; None is a default like any other."""


class Scheduling(StrEnum):
    """How a worker divides its starts between queues."""

    WEIGHTED = "weighted"
    STRICT = "strict"


class FieldType(StrEnum):
    """Types of payload fields."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    UUID = "uuid"
    EMAIL = "email"
    URL = "url"
    DATETIME = "datetime"
    DURATION = "duration"
    ENUM = "enum"
    LIST = "list"
    OBJECT = "object"


class AlertEvent(StrEnum):
    """What may raise an alert for a job."""

    DEAD = "dead"
    RETRY = "retry"
    LOST = "lost"


class AlertCondition(StrEnum):
    """What an alert watches."""

    DEAD = "dead"
    """Jobs that died."""
    FAILURES = "failures"
    """The share of attempts that failed, by type."""
    AGE = "age"
    """How long the next job of a queue has been due."""
    MISSED = "missed"
    """Ticks of schedules that nobody claimed."""


class CatchUp(StrEnum):
    """What happens to ticks missed while no scheduler ran."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class Overlap(StrEnum):
    """What happens to a tick while the schedule's earlier run has not ended."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"


class Isolation(StrEnum):
    """What a job's handler shares with the other jobs of its worker."""

    THREAD = "thread"
    """The worker's process: a plain function runs in a thread of it, ``async def`` on its event loop."""
    PROCESS = "process"
    """Nothing: it runs in a child process, which a timeout can really kill and whose crash costs no other job."""


class LintCode(StrEnum):
    """What `jobctl spec check` warns of in a valid spec. A spec silences one with ``lint: {ignore: [code]}``."""

    HANDLER_NOT_IMPORTABLE = "handler-not-importable"
    CRON_DST = "cron-dst"
    CRON_OVERLAP = "cron-overlap"
    BACKOFF_EXCEEDS_RETENTION = "backoff-exceeds-retention"
    UNIQUE_WITHOUT_FOR = "unique-without-for"
    NO_ALERT = "no-alert"
    SECRET_FIELD = "secret-field"  # noqa: S105 - the name of a warning


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value of a job stands.

    Attributes:
        is_default: it stands under ``defaults`` and not under the job itself.
    """

    location: Location
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delay before retry n (from 1): ``min(delay_s * factor ** (n - 1), max_s)``, of which a share is random.

    Attributes:
        delay_s: first delay, seconds.
        factor: growth per retry, >= 1.
        max_s: upper bound, seconds.
        jitter: share of the delay that is random, 0 to 1: 0.5 gives 50 % to 100 % of the delay.
    """

    delay_s: float = 10.0
    factor: float = 2.0
    max_s: float = 3600.0
    jitter: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """At most one unfinished job per value of the named payload fields.

    Attributes:
        by: payload field names; empty = the whole payload.
        for_s: the lock is held until the job ends, at the longest this many seconds; None = until it ends.
    """

    by: tuple[str, ...] = ()
    for_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadField:
    """One field of a payload.

    Attributes:
        default: value as JSON holds it (a duration is its text), or NO_DEFAULT.
        flag: name on the command line without dashes.
        minimum, maximum: bounds of a number (inclusive); of the length for string and list; seconds for duration.
        choices: the allowed values of an enum.
        items: what a list holds, or None for anything.
        fields: what an object holds; empty = anything.
        secret: redacted wherever a person sees it.
    """

    name: str
    type: FieldType
    required: bool = True
    default: Any = NO_DEFAULT
    help: str = ""
    flag: str = ""
    secret: bool = False
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    items: PayloadField | None = None
    fields: tuple[PayloadField, ...] = ()
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """One schedule of a job.

    Attributes:
        id: unique in the spec; the job's name for its only schedule, else ``name/label``.
        expression: five fields, six with seconds before them, ``@hourly`` ... ``@yearly``, or ``@every 15m``.
        timezone: IANA name.
        payload: the payload each tick enqueues, JSON types.
        catch_up_window_s: how far back missed ticks are made up for; 0 = without limit.
        jitter_s: each job is due up to so much after its tick; the same for all schedulers and restarts.
        start_ms, end_ms: ticks lie in ``start <= tick < end``, ms since the epoch; 0 = without limit.
    """

    id: str
    expression: str
    timezone: str = "UTC"
    payload: dict[str, Any] = field(default_factory=dict)
    catch_up: CatchUp = CatchUp.ONCE
    catch_up_window_s: float = 0.0
    overlap: Overlap = Overlap.ALLOW
    jitter_s: float = 0.0
    start_ms: int = 0
    end_ms: int = 0
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpec:
    """A queue and its weight: its share of starts while all queues have work.

    Attributes:
        reserved: slots of every worker that only this queue may use.
        max_running: jobs of this queue that one worker runs at most; None = no limit.
    """

    name: str
    weight: int = 1
    reserved: int = 0
    max_running: int | None = None
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Functions of the application, as ``package.module:function``, that the worker calls.

    Attributes:
        startup: called once before the first job, with the worker's state (a dict to fill).
        shutdown: called once after the last job, with the same state.
        error: called with ``(context, failure)`` after every attempt that did not succeed.
    """

    startup: str | None = None
    shutdown: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something to be told of, and where to.

    Attributes:
        to: URLs of webhooks, ``mailto:`` addresses, ``exec:`` commands, or ``$NAME`` of a variable that holds one.
        jobs: names of the jobs it is about; empty = all.
        queues: likewise of queues.
        ratio: share of failed attempts, 0 to 1, from which `failures` tells, of at least ``least`` attempts (count)
            within ``window_s`` seconds.
        above_s: seconds from which `age` and `missed` tell.
        every_s: seconds that lie between two messages of this alert at least; what happens meanwhile is gathered.
    """

    name: str
    when: AlertCondition
    to: tuple[str, ...]
    jobs: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    ratio: float = 0.25
    least: int = 20
    window_s: float = 900.0
    above_s: float = 300.0
    every_s: float = 900.0
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One declared job. Durations are seconds."""

    name: str
    type: str
    handler: str
    queue: str = DEFAULT_QUEUE
    summary: str = ""
    retries: int = DEFAULT_RETRIES
    backoff: Backoff = field(default_factory=Backoff)
    timeout_s: float = DEFAULT_TIMEOUT_S
    heartbeat_s: float = 0.0
    retention_s: float = DEFAULT_RETENTION_S
    dead_retention_s: float = DEFAULT_DEAD_RETENTION_S
    max_crashes: int = DEFAULT_MAX_CRASHES
    isolation: Isolation = Isolation.THREAD
    unique: Unique | None = None
    payload: tuple[PayloadField, ...] = ()
    cron: tuple[Cron, ...] = ()
    alert: tuple[AlertEvent, ...] = ()
    tags: tuple[str, ...] = ()
    lint: frozenset[LintCode] = frozenset()
    """Warnings that this job or its file silences."""
    places: dict[str, Place] = field(default_factory=dict, compare=False, repr=False)
    """Places of all values that are not jobctl's own defaults, by key; `backoff.delay` and its like each for itself."""
    location: Location | None = None
    handler_location: Location | None = None
    """Place of the ``handler`` value, for problems found when it is imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """All files of a spec together. Jobs and queues stand in the order of their files."""

    queues: tuple[QueueSpec, ...]
    jobs: tuple[JobSpec, ...]
    scheduling: Scheduling = Scheduling.WEIGHTED
    hooks: Hooks = field(default_factory=Hooks)
    thresholds: tuple[str, ...] = ()
    """What load tests must keep, see `jobctl.measure.thresholds`."""
    hook_locations: dict[str, Location] = field(default_factory=dict)
    """Places of the hooks' values by name, for problems found when they are imported."""
    alerts: tuple[Alert, ...] = ()
    files: tuple[str, ...] = ()
