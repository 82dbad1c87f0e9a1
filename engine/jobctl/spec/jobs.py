"""One declared job: its own keys over the defaults of its file, and what holds between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobctl.durations import format_duration
from jobctl.spec.diagnostics import quote
from jobctl.spec.fields import BACKOFF, JOB, LINT, RUN_FIELDS, UNIQUE
from jobctl.spec.kinds import INVALID
from jobctl.spec.model import Backoff, CatchUp, JobSpec, LintCode, PayloadField, Place, Unique
from jobctl.spec.nodes import Node, Problems, Scalar, Value
from jobctl.spec.payload import read_payload
from jobctl.spec.schedules import read_schedules
from jobctl.spec.sections import Reading
from jobctl.spec.timezone import TimeZone

_RUN_VALUES = tuple(one.attribute or one.name for one in RUN_FIELDS)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a file says for all its jobs: model values, and the node of each for messages."""

    values: dict[str, Any]
    backoff: dict[str, Any]
    queue: Node | None = None
    places: dict[str, Place] = field(default_factory=dict)
    lint: frozenset[LintCode] = frozenset()


@dataclass(frozen=True, slots=True)
class Declared:
    """A job, with the nodes that checks across files point at."""

    job: JobSpec
    key: Scalar
    type: Node
    queue: Node | None
    is_payload_known: bool


def read_defaults(reading: Reading | None, lint: Value | None, problems: Problems) -> Defaults:
    """Take the values of a ``defaults`` section, and what the file says to ``lint``."""
    ignored = read_lint(lint, "lint", problems)
    if reading is None:
        return Defaults({}, {}, lint=ignored)
    values = dict(reading.values)
    places = {name: Place(node.location, is_default=True) for name, node in reading.nodes.items() if name != "backoff"}
    backoff = _backoff(values.pop("backoff", None), "defaults.backoff", problems, places, is_default=True)
    return Defaults(values, backoff, reading.nodes.get("queue") if "queue" in values else None, places, ignored)


def read_lint(node: Value | None, path: str, problems: Problems) -> frozenset[LintCode]:
    """Return the codes that a ``lint`` section silences."""
    if node is None:
        return frozenset()
    reading = LINT.read(node, path, problems)
    return frozenset() if reading is INVALID else frozenset(reading.values.get("ignore", ()))


def read_job(key: Scalar, node: Value, defaults: Defaults, problems: Problems) -> Declared | None:
    """Return a job, or None if it is at fault in a way that leaves nothing to check.

    A key that is at fault gets its default, so that the rest of the job is checked all the same.
    """
    name = key.text
    path = f"jobs.{name}"
    reading = JOB.read(node, path, problems, owner=key)
    if reading is INVALID:
        return None
    own: Reading = reading
    values = {attribute: own.values[attribute] for attribute in _RUN_VALUES if attribute in own.values}
    values = {**defaults.values, **values}
    places = {**defaults.places}
    places |= {name: Place(node.location) for name, node in own.nodes.items() if name not in ("backoff", "lint")}
    own_backoff = _backoff(own.values.get("backoff"), f"{path}.backoff", problems, places)
    backoff = {**defaults.backoff, **own_backoff}
    values["backoff"] = Backoff(**backoff)
    if values["backoff"].max_s < values["backoff"].delay_s:
        _report_backoff(own, path, values["backoff"], key, problems)
    fields = _payload(own, path, problems)
    job = JobSpec(
        name=name,
        type=own.values.get("type", name),
        handler=own.values.get("handler", ""),
        summary=own.values.get("summary", ""),
        unique=_unique(own, path, fields, problems),
        payload=fields or (),
        cron=_schedules(own, name, path, fields, problems),
        lint=defaults.lint | read_lint(own.values.get("lint"), f"{path}.lint", problems),
        places=places,
        location=key.location,
        handler_location=own.node_of("handler").location,
        **values,
    )
    queue = own.nodes.get("queue", defaults.queue)
    return Declared(job, key, own.nodes.get("type", key), queue, fields is not None)


def _backoff(
    node: Value | None, path: str, problems: Problems, places: dict[str, Place], *, is_default: bool = False
) -> dict[str, Any]:
    if node is None:
        return {}
    reading = BACKOFF.read(node, path, problems)
    if reading is INVALID:
        return {}
    result: Reading = reading
    places |= {f"backoff.{name}": Place(one.location, is_default) for name, one in result.nodes.items()}
    return dict(result.values)


def _report_backoff(own: Reading, path: str, backoff: Backoff, key: Scalar, problems: Problems) -> None:
    longest, first = format_duration(backoff.max_s), format_duration(backoff.delay_s)
    problems.report(
        "bad-bounds",
        f"`{path}.backoff` waits `{longest}` at most, which is less than its first delay of `{first}`",
        own.keys.get("backoff", key),
        hint="raise `max` or lower `delay`",
    )


def _payload(own: Reading, path: str, problems: Problems) -> tuple[PayloadField, ...] | None:
    """Return the payload fields, or None if one is at fault."""
    if "payload" not in own.values:
        return None if "payload" in own.keys else ()
    before = len(problems.found)
    fields = read_payload(own.values["payload"], f"{path}.payload", problems)
    return fields if len(problems.found) == before else None


def _unique(own: Reading, path: str, fields: tuple[PayloadField, ...] | None, problems: Problems) -> Unique | None:
    if "unique" not in own.values:
        return None
    node = own.values["unique"]
    if isinstance(node, Scalar) and node.text == "true":
        hint = "write `unique: {}` for the whole payload, or e.g. `unique: {by: [id], for: 10m}`"
        problems.report(
            "bad-value", f"`{path}.unique` must be a mapping of `by` and `for`, got `true`", node, hint=hint
        )
        return None
    reading = UNIQUE.read(node, f"{path}.unique", problems)
    if reading is INVALID:
        return None
    result: Reading = reading
    unique = Unique(by=result.values.get("by", ()), for_s=result.values.get("for_s"))
    if fields is None:
        return unique
    known = [field.name for field in fields]
    places = result.nodes.get("by")
    for index, name in enumerate(unique.by):
        if name not in known and places is not None:
            place = places if isinstance(places, Scalar) else getattr(places, "items", [places])[index]
            problems.report(
                "unknown-field",
                f"`{path}.unique` names {quote(name)}, which is no payload field",
                place,
                hint=problems.suggest(name, known, "declare it under `payload`"),
            )
    return unique


def _schedules(own: Reading, name: str, path: str, fields: tuple[PayloadField, ...] | None, problems: Problems) -> Any:
    timezone = "UTC"
    if "timezone" in own.values:
        zone = TimeZone().read(own.values["timezone"], f"{path}.timezone", problems)
        timezone = "UTC" if zone is INVALID else zone
    if "cron" not in own.keys:
        for lonely in ("timezone", "catch_up"):
            if lonely in own.keys:
                text = f"`{path}.{lonely}` has no effect without `cron`"
                problems.report("no-cron", text, own.keys[lonely], hint="add a `cron`, or remove it")
        return ()
    if "cron" not in own.values:
        return ()
    return read_schedules(
        own.values["cron"],
        f"{path}.cron",
        problems,
        job=name,
        key=own.keys["cron"],
        fields=fields,
        timezone=timezone,
        catch_up=own.values.get("catch_up", CatchUp.ONCE),
    )
