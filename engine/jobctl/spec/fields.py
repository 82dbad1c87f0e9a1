"""Every key a spec may hold: how it is read, what it means, its default and an example. The one source of all three."""

from __future__ import annotations

import re
from typing import Final

from jobctl.names import FIELD_NAME, FLAG_NAME, JOB_NAME, JOB_TYPE, QUEUE_NAME, TAG, TAG_FORM
from jobctl.spec.kinds import Bool, Choice, Duration, ListOf, Name, Number, Raw, Text, Whole
from jobctl.spec.limits import Limit
from jobctl.spec.model import AlertCondition, AlertEvent, CatchUp, FieldType, Isolation, LintCode, Overlap, Scheduling
from jobctl.spec.sections import Field, Section

HANDLER_PATH: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
LABEL: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
DESTINATION: Final = re.compile(
    r"https?://[^\s/]+(?:/\S*)?|mailto:[^@\s]+@[^@\s]+|exec:\s*\S.*|\$[A-Za-z_][A-Za-z0-9_]*"
)


def _kebab(text: str) -> str:
    """Return a text as a job or flag name: small letters and hyphens."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _queue_name(text: str) -> str:
    """Return a text as a queue name."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")


def _snake(text: str) -> str:
    """Return a text as a payload field name: small letters and underscores."""
    return _kebab(text).replace("-", "_")


def _destination(text: str) -> str:
    """Return a text as a destination of alerts: a plain address is one to mail to, a plain path a command."""
    if text.startswith("/"):
        return f"exec:{text}"
    return f"mailto:{text}" if "@" in text else f"https://{text}" if "." in text else f"${text}"


class HandlerPath(Name):
    """The path of a function: ``package.module:function``."""

    expected = "written as `package.module:function`"

    def __init__(self) -> None:
        super().__init__(HANDLER_PATH, "handler path", self.expected, _handler_path, "bad-handler")


def _handler_path(text: str) -> str:
    """Return what a wrong handler path most likely means: ``a/b.py:f`` and ``a.b.f`` are ``a.b:f``."""
    module, colon, function = text.strip().replace("::", ":").partition(":")
    module = module.removesuffix(".py").replace("/", ".").strip(".").replace("-", "_")
    if not colon:
        module, _, function = module.rpartition(".")
    return f"{module}:{function.removesuffix('()')}"


QUEUE_NAME_KIND: Final = Name(QUEUE_NAME, "queue name", "small letters, digits, `-` and `_`, at most 64", _queue_name)
JOB_NAME_KIND: Final = Name(JOB_NAME, "job name", "small letters, digits and single hyphens", _kebab)
FIELD_NAME_KIND: Final = Name(FIELD_NAME, "field name", "small letters, digits and `_`", _snake)
FIELD_TYPE_KIND: Final = Choice(
    FieldType,
    "a field type",
    {
        **dict.fromkeys(("str", "text", "char", "varchar"), "string"),
        **dict.fromkeys(("integer", "long", "int64", "number"), "int"),
        **dict.fromkeys(("double", "decimal", "real"), "float"),
        **dict.fromkeys(("boolean", "flag"), "bool"),
        **dict.fromkeys(("guid", "id"), "uuid"),
        **dict.fromkeys(("mail", "e-mail"), "email"),
        **dict.fromkeys(("uri", "link", "href"), "url"),
        **dict.fromkeys(("date", "time", "timestamp", "date-time"), "datetime"),
        **dict.fromkeys(("timedelta", "interval", "period"), "duration"),
        **dict.fromkeys(("choice", "select", "literal"), "enum"),
        **dict.fromkeys(("array", "sequence", "tuple", "set"), "list"),
        **dict.fromkeys(("dict", "map", "mapping", "json", "any", "struct"), "object"),
    },
)
WEIGHT_KIND: Final = Whole(1, 1_000_000, "leave a queue out that nobody shall serve, or pause it")
LABEL_KIND: Final = Name(LABEL, "label", "small letters, digits and hyphens", _kebab)
HANDLER_KIND: Final = HandlerPath()

ALERT_NAME_KIND: Final = Name(LABEL, "alert name", "small letters, digits and single hyphens", _kebab)
DESTINATION_KIND: Final = Name(
    DESTINATION,
    "destination",
    "`https://...`, `mailto:ops@example.org`, `exec:command`, or `$NAME` of a variable",
    _destination,
    "bad-destination",
)

QUEUE_FIELD: Final = Field(
    name="queue",
    kind=QUEUE_NAME_KIND,
    default="default",
    description="The queue the job waits in. It must be declared under `queues`.",
    example="critical",
)

RUN_FIELDS: Final = (
    QUEUE_FIELD,
    Field(
        name="retries",
        kind=Whole(0, 1000),
        default="3",
        description="Retries after the first attempt: 5 means six attempts in all. Crashes and shutdowns cost none.",
        example="5",
        misnomers=("retry", "max_retries", "max_retry", "maxretry", "attempts", "max_attempts"),
    ),
    Field(
        name="backoff",
        kind=Raw("backoff", "a mapping of `delay`, `factor`, `max` and `jitter`"),
        default="{delay: 10s, factor: 2, max: 1h, jitter: 0.5}",
        description="How long to wait before each retry. Keys left out keep their defaults.",
        example="{delay: 30s, factor: 2, max: 10m}",
        misnomers=("retry_delay", "retry_backoff", "delay"),
    ),
    Field(
        name="timeout",
        attribute="timeout_s",
        kind=Duration(words={"none": 0.0}),
        default="5m",
        description="Longest run of one attempt; a longer one is stopped and counts as failed. `none` is no limit.",
        example="30s",
        misnomers=("time_limit", "deadline", "max_runtime"),
    ),
    Field(
        name="heartbeat",
        attribute="heartbeat_s",
        kind=Duration(words={"none": 0.0}, low_s=1.0, whole_s=True),
        default="none",
        description="A run that reports no progress for so long is taken for stuck and is stopped.",
        example="30s",
    ),
    Field(
        name="retention",
        attribute="retention_s",
        kind=Duration(words={"forever": 0.0, "none": -1.0}, low_s=1.0, whole_s=True),
        default="1d",
        description="How long the record of a completed job is kept. `none` drops it at once, `forever` never.",
        example="7d",
        misnomers=("ttl", "keep", "result_ttl"),
    ),
    Field(
        name="dead_retention",
        attribute="dead_retention_s",
        kind=Duration(words={"forever": 0.0, "none": -1.0}, low_s=1.0, whole_s=True),
        default="90d",
        description="How long a dead job is kept, with the history of its attempts, so that it can be replayed.",
        example="30d",
    ),
    Field(
        name="max_crashes",
        kind=Whole(1, 1000),
        default="3",
        description="A job whose worker died under it so many times is dead: it is most likely what kills them.",
        example="1",
    ),
    Field(
        name="isolation",
        kind=Choice(Isolation, misnomers=dict.fromkeys(("subprocess", "fork", "spawn", "child"), "process")),
        default="thread",
        description="Where it runs: `thread`, in the worker's process; `process`, in a child that a timeout can kill.",
        example="process",
        misnomers=("isolate", "sandbox", "pool", "executor"),
    ),
    Field(
        name="alert",
        kind=ListOf(Choice(AlertEvent), "events"),
        description="Events that raise an alert through the error hook: `dead`, `retry`, `lost`.",
        example="dead",
        misnomers=("alerts", "alert_on", "notify", "on"),
    ),
    Field(
        name="tags",
        kind=ListOf(Name(TAG, "tag", TAG_FORM), "tags"),
        description="Words to group jobs by, in filters and reports.",
        example="[tenants, email]",
        misnomers=("tag", "labels"),
    ),
)

BACKOFF: Final = Section(
    "backoff",
    (
        Field(
            name="delay",
            attribute="delay_s",
            kind=Duration(low_s=0.0),
            default="10s",
            description="Delay before the first retry.",
            example="30s",
            misnomers=("initial", "base", "min"),
        ),
        Field(
            name="factor",
            kind=Number(1.0, 100.0),
            default="2",
            description="What each delay is multiplied by for the next one; 1 keeps it constant.",
            example="2",
            misnomers=("multiplier", "exponent", "base"),
        ),
        Field(
            name="max",
            attribute="max_s",
            kind=Duration(low_s=0.0),
            default="1h",
            description="No delay is longer than this.",
            example="10m",
            misnomers=("max_delay", "cap", "limit"),
        ),
        Field(
            name="jitter",
            kind=Number(0.0, 1.0),
            default="0.5",
            description="Share of each delay that is random, so that what failed together does not retry together.",
            example="0.2",
        ),
    ),
    shorthand="delay",
)

UNIQUE: Final = Section(
    "unique",
    (
        Field(
            name="by",
            kind=ListOf(FIELD_NAME_KIND, "payload fields"),
            description="Payload fields whose values make it the same job. Left out: the whole payload.",
            example="[id]",
            misnomers=("key", "keys", "fields", "on"),
        ),
        Field(
            name="for",
            attribute="for_s",
            kind=Duration(),
            description="Longest time the lock is held. Left out: until the job ends, however long that takes.",
            example="10m",
            misnomers=("ttl", "period", "within"),
        ),
    ),
    shorthand="by",
)

CRON: Final = Section(
    "cron",
    (
        Field(
            name="every",
            kind=Raw("cron expression", 'a cron expression such as `"0 2 * * *"`'),
            required=True,
            description="Five cron fields, six with seconds before them, `@hourly` to `@yearly`, or `@every 15m`.",
            example='"0 2 * * *"',
            misnomers=("cron", "schedule", "expression", "spec", "at"),
        ),
        Field(
            name="id",
            kind=LABEL_KIND,
            description="Tells several schedules of one job apart: the schedule is called `job/id`.",
            example="night",
            misnomers=("name", "label"),
        ),
        Field(
            name="timezone",
            kind=Raw("time zone", "a time zone such as `Europe/Berlin`"),
            default="UTC",
            description="The time zone the expression is read in.",
            example="Europe/Berlin",
            misnomers=("tz", "time_zone", "zone", "location"),
        ),
        Field(
            name="payload",
            kind=Raw("mapping", "a mapping of payload field to value"),
            description="The payload of the jobs this schedule makes.",
            example="{limit: 100}",
            misnomers=("args", "kwargs", "params"),
        ),
        Field(
            name="catch_up",
            kind=Choice(CatchUp),
            default="once",
            description="Ticks missed while nothing ran: `skip` them, run `once` for all of them, or run `all`.",
            example="skip",
            misnomers=("catchup", "missed", "misfire"),
        ),
        Field(
            name="catch_up_window",
            attribute="catch_up_window_s",
            kind=Duration(words={"forever": 0.0}),
            default="forever",
            description="Ticks missed longer ago than this are not made up for.",
            example="6h",
            misnomers=("window", "misfire_grace_time", "starting_deadline"),
        ),
        Field(
            name="overlap",
            kind=Choice(Overlap),
            default="allow",
            description="A tick while the earlier run has not ended: `allow` both, `skip` it, or `queue` it behind.",
            example="skip",
            misnomers=("overlap_policy", "concurrency_policy", "allow_overlap", "coalesce"),
        ),
        Field(
            name="jitter",
            attribute="jitter_s",
            kind=Duration(words={"none": 0.0}),
            default="none",
            description="Each job is due up to so much after its tick, to spread load; a tick's delay never changes.",
            example="30s",
            misnomers=("splay", "spread", "random_delay"),
        ),
        Field(
            name="start",
            kind=Raw("time", "a time such as `2026-01-31T09:00` or a date such as `2026-01-31`"),
            description="No ticks before this time; without an offset it is in the schedule's time zone.",
            example="2026-01-31T09:00",
            misnomers=("from", "start_date", "starts", "after", "begin"),
        ),
        Field(
            name="end",
            kind=Raw("time", "a time such as `2026-01-31T09:00` or a date such as `2026-01-31`"),
            description="No ticks at this time or later; without an offset it is in the schedule's time zone.",
            example="2026-12-31",
            misnomers=("until", "end_date", "ends", "before", "stop"),
        ),
    ),
    shorthand="every",
)

PAYLOAD_FIELD: Final = Section(
    "payload field",
    (
        Field(
            name="type",
            kind=FIELD_TYPE_KIND,
            required=True,
            description="What the field holds.",
            example="uuid",
        ),
        Field(
            name="required",
            kind=Bool(),
            default="true",
            description="Whether a payload must have it. A field with a default is never required.",
            example="false",
        ),
        Field(
            name="default",
            kind=Raw("value", "a value", allows_null=True),
            description="The value when it is left out.",
            example="en",
        ),
        Field(
            name="help",
            kind=Text(),
            description="One sentence shown in `jobctl enqueue JOB --help`.",
            example="id of the tenant",
            misnomers=("description", "summary", "doc"),
        ),
        Field(
            name="flag",
            kind=Name(FLAG_NAME, "flag name", "small letters, digits and hyphens", _kebab),
            description="Its name on the command line, without dashes. Default: the field name with hyphens.",
            example="tenant",
        ),
        Field(
            name="secret",
            kind=Bool(),
            default="false",
            description="Whether its value is shown as `***` wherever a person sees it.",
            example="true",
            misnomers=("sensitive", "redact", "private"),
        ),
        Field(
            name="pattern",
            kind=Text(is_stripped=False),
            description="Regular expression (Python's) that a string must match as a whole.",
            example="'[a-z]{2}'",
            misnomers=("regex", "regexp", "format"),
        ),
        Field(
            name="min",
            kind=Raw("number or duration", "a number"),
            description="Least value of an int, float or duration; least length of a string or list.",
            example="1",
            misnomers=("minimum", "minlength", "min_length", "min_items", "gte", "ge"),
        ),
        Field(
            name="max",
            kind=Raw("number or duration", "a number"),
            description="Greatest value of an int, float or duration; greatest length of a string or list.",
            example="100",
            misnomers=("maximum", "maxlength", "max_length", "max_items", "lte", "le"),
        ),
        Field(
            name="choices",
            aliases=("values",),
            kind=ListOf(Text(is_stripped=False), "texts"),
            description="The values of an enum. `values` means the same.",
            example="[basic, pro]",
            misnomers=("enum", "options", "allowed"),
        ),
        Field(
            name="items",
            kind=Raw("payload field", "a type name or a mapping with `type`"),
            description="What a list holds. Left out: anything.",
            example="uuid",
            misnomers=("item", "of", "element"),
        ),
        Field(
            name="fields",
            kind=Raw("mapping", "a mapping of field name to type"),
            description="What an object holds, as in `payload`. Left out: anything.",
            example="{street: string, zip: string}",
            misnomers=("properties", "keys", "schema"),
        ),
    ),
)

LINT: Final = Section(
    "lint",
    (
        Field(
            name="ignore",
            kind=ListOf(Choice(LintCode, "a lint code"), "lint codes"),
            description="Codes of warnings that `jobctl spec check` shall not give here, without their `lint.`.",
            example="[no-alert]",
            misnomers=("disable", "allow", "except", "skip", "noqa"),
        ),
    ),
    shorthand="ignore",
)
LINT_FIELD: Final = Field(
    name="lint",
    kind=Raw("lint", "a mapping of `ignore`"),
    description="Warnings of `jobctl spec check` to silence: of one job, or at the top level for the jobs of the file.",
    example="{ignore: [no-alert]}",
    misnomers=("linter", "warnings", "ignore"),
)

JOB: Final = Section(
    "job",
    (
        Field(
            name="type",
            kind=Name(JOB_TYPE, "type name", "letters, digits and `_.:/-`, at most 128"),
            description="Name of the job in the broker, shared with other producers. Default: the job's name.",
            example="tenant:initialize",
        ),
        Field(
            name="summary",
            kind=Text(200),
            description="One line that says what the job does.",
            example="Prepare a new tenant in every service",
            misnomers=("description", "help", "title", "doc"),
        ),
        Field(
            name="handler",
            kind=HANDLER_KIND,
            required=True,
            description="The function that runs the job: `package.module:function`, `async def` or `def`.",
            example="shop.mail:send",
            misnomers=("function", "func", "run", "task", "callable", "entrypoint"),
        ),
        *RUN_FIELDS,
        Field(
            name="unique",
            kind=Raw("unique", "a mapping of `by` and `for`"),
            description="At most one unfinished job for equal payloads, or for equal values of some fields.",
            example="{by: [id], for: 10m}",
            misnomers=("dedupe", "deduplicate", "uniqueness", "singleton"),
        ),
        Field(
            name="payload",
            kind=Raw("mapping", "a mapping of field name to type"),
            description="The fields a job of this type carries: name to type, or name to a mapping that says more.",
            example="{id: uuid, limit: {type: int, default: 100}}",
            misnomers=("args", "arguments", "params", "parameters", "kwargs", "fields", "input", "inputs"),
        ),
        Field(
            name="cron",
            kind=Raw("schedule", 'a cron expression such as `"0 2 * * *"`, a mapping with `every`, or a list of these'),
            description="When the job runs by itself.",
            example='"0 2 * * *"',
            misnomers=("schedule", "schedules", "every", "when", "crontab"),
        ),
        Field(
            name="timezone",
            kind=Raw("time zone", "a time zone such as `Europe/Berlin`"),
            default="UTC",
            description="The time zone of the job's schedules.",
            example="Europe/Berlin",
            misnomers=("tz", "time_zone", "zone"),
        ),
        Field(
            name="catch_up",
            kind=Choice(CatchUp),
            default="once",
            description="What the job's schedules do about ticks missed while nothing ran.",
            example="skip",
            misnomers=("catchup", "missed", "misfire"),
        ),
        LINT_FIELD,
    ),
    elsewhere=(
        ("concurrency", "concurrency belongs to a worker: `jobctl run --concurrency 10`"),
        ("name", "a job's name is the key it stands under"),
        ("weight", "weights belong to queues: `queues: {critical: 6}`"),
        ("priority", "give the job a queue with a larger weight"),
        ("hooks", "hooks stand at the top level of a spec and hold for all jobs"),
    ),
)

DEFAULTS: Final = Section(
    "defaults",
    RUN_FIELDS,
    elsewhere=(
        *(
            (name, f"`{name}` is said by each job for itself")
            for name in ("type", "summary", "handler", "unique", "payload", "cron", "timezone", "catch_up")
        ),
        ("lint", "`lint` stands beside `defaults`, at the top level of the file, or under a job"),
    ),
)

QUEUE: Final = Section(
    "queue",
    (
        Field(
            name="weight",
            kind=WEIGHT_KIND,
            default="1",
            description="Its share of starts while all queues have work, next to the weights of the others.",
            example="6",
            misnomers=("priority", "share"),
        ),
        Field(
            name="reserved",
            kind=Whole(0, 1_000_000),
            default="0",
            description="Slots of every worker that only this queue may use: long jobs of others never hold them all.",
            example="2",
        ),
        Field(
            name="max_running",
            kind=Whole(1, 1_000_000, "leave a queue out that nobody shall serve, or pause it"),
            default="no limit",
            description="Jobs of this queue that one worker runs at most.",
            example="5",
            misnomers=("max_concurrency", "concurrency", "limit"),
        ),
    ),
    shorthand="weight",
)

HOOKS: Final = Section(
    "hooks",
    (
        Field(
            name="startup",
            kind=HANDLER_KIND,
            description="Called once before the first job with the worker's state, a dict to fill.",
            example="shop.setup:startup",
            misnomers=("on_startup", "start", "before"),
        ),
        Field(
            name="shutdown",
            kind=HANDLER_KIND,
            description="Called once after the last job with the same state.",
            example="shop.setup:shutdown",
            misnomers=("on_shutdown", "stop", "after"),
        ),
        Field(
            name="error",
            kind=HANDLER_KIND,
            description="Called with the context and the failure after every attempt that did not succeed.",
            example="shop.alerts:on_error",
            misnomers=("on_error", "failure", "on_failure", "error_handler"),
        ),
    ),
)

ALERT: Final = Section(
    "alert",
    (
        Field(
            name="when",
            kind=Choice(AlertCondition, misnomers={"failed": "failures", "late": "missed", "wait": "age"}),
            required=True,
            description="`dead`: jobs died. `failures`: too many attempts fail. `age`: the next job of a queue waits"
            " too long. `missed`: a schedule did not fire.",
            example="dead",
            misnomers=("on", "condition", "if", "event"),
        ),
        Field(
            name="to",
            kind=ListOf(DESTINATION_KIND, "destinations"),
            required=True,
            description="A webhook's URL (Slack takes it), `mailto:` an address, `exec:` a command, or `$NAME` of a"
            " variable that holds one of these.",
            example="[$OPS_WEBHOOK, mailto:ops@example.org]",
            misnomers=("notify", "channel", "channels", "webhook", "email", "send"),
        ),
        Field(
            name="jobs",
            kind=ListOf(JOB_NAME_KIND, "job names"),
            description="Only these jobs, and their schedules; otherwise all. Not with `age`.",
            example="[tenant-init]",
            misnomers=("job", "types"),
        ),
        Field(
            name="queues",
            kind=ListOf(QUEUE_NAME_KIND, "queue names"),
            description="Only jobs in these queues; otherwise in all.",
            example="[critical]",
            misnomers=("queue",),
        ),
        Field(
            name="ratio",
            kind=Number(0.0, 1.0),
            default="0.25",
            description="Of `failures`: the share of attempts that fail, per type of job.",
            example="0.1",
            misnomers=("failure_ratio", "rate", "threshold"),
        ),
        Field(
            name="least",
            kind=Whole(1, 1_000_000),
            default="20",
            description="Of `failures`: fewer attempts within the window say nothing.",
            example="50",
            misnomers=("min", "minimum", "at_least"),
        ),
        Field(
            name="window",
            attribute="window_s",
            kind=Duration(low_s=60.0),
            default="15m",
            description="Of `failures`: the time that is looked back.",
            example="5m",
            misnomers=("over", "period"),
        ),
        Field(
            name="above",
            attribute="above_s",
            kind=Duration(low_s=1.0),
            default="5m",
            description="Of `age` and `missed`: what is younger is in time.",
            example="1m",
            misnomers=("older", "than", "max_age", "after"),
        ),
        Field(
            name="every",
            attribute="every_s",
            kind=Duration(low_s=1.0),
            default="15m",
            description="At most one message in so long; what happens meanwhile is gathered in the next.",
            example="1h",
            misnomers=("interval", "rate_limit", "repeat", "cooldown", "throttle"),
        ),
    ),
    elsewhere=(("name", "an alert's name is the key it stands under"),),
)

SPEC: Final = Section(
    "spec",
    (
        Field(
            name="version",
            kind=Whole(1, 1, "a newer jobctl may know it"),
            required=True,
            description="Version of the spec language. This one is 1.",
            example="1",
        ),
        Field(
            name="queues",
            kind=Raw("mapping", "a mapping of queue name to weight"),
            default="{default: 1}",
            description="The queues and their weights. Declared in one file of a folder.",
            example="{critical: 6, default: 3, low: 1}",
            misnomers=("queue",),
        ),
        Field(
            name="scheduling",
            kind=Choice(Scheduling),
            default="weighted",
            description="`weighted`: starts go by weight, and no queue starves. `strict`: the heaviest first.",
            example="strict",
        ),
        Field(
            name="defaults",
            kind=Raw("defaults", "a mapping of job keys"),
            description="Values for the jobs of this file that do not say otherwise.",
            example="{retries: 5, timeout: 30s}",
            misnomers=("default",),
        ),
        Field(
            name="hooks",
            kind=Raw("hooks", "a mapping of `startup`, `shutdown` and `error`"),
            description="Functions the worker calls beside the handlers. Declared in one file of a folder.",
            example="{error: shop.alerts:on_error}",
            misnomers=("hook",),
        ),
        Field(
            name="alerts",
            kind=Raw("mapping", "a mapping of alert name to alert"),
            description="What is to be told of, and where to: name to what it is. Delivered by jobs of queue `alerts`.",
            example="{deaths: {when: dead, to: $OPS_WEBHOOK}}",
            misnomers=("alert", "alerting", "notifications", "notify"),
        ),
        Field(
            name="thresholds",
            kind=ListOf(Limit(), "thresholds"),
            description="What load tests of these jobs must keep, as far as they measure it. Declared in one file of a"
            " folder.",
            example='["done{send-mail}.p95 < 2s", "lost == 0"]',
            misnomers=("threshold", "limits", "slo", "slos", "assertions"),
        ),
        Field(
            name="jobs",
            kind=Raw("mapping", "a mapping of job name to job"),
            description="The jobs: name to what it is.",
            example="{send-mail: {handler: shop.mail:send}}",
            misnomers=("job", "tasks", "task", "workers"),
        ),
        LINT_FIELD,
    ),
    has_extensions=True,
    elsewhere=(
        ("concurrency", "concurrency belongs to a worker: `jobctl run --concurrency 10`"),
        ("redis", "the broker is given by the environment: `REDIS_URL=redis://...`"),
        ("schedules", 'schedules belong to their job: `cron: "0 2 * * *"`'),
        ("cron", 'schedules belong to their job: `cron: "0 2 * * *"`'),
    ),
)
