"""The schedules of a job: one expression, one mapping, or a list of these."""

from __future__ import annotations

from typing import Any

from jobctl.spec.cron import check_expression
from jobctl.spec.diagnostics import quote
from jobctl.spec.fields import CRON
from jobctl.spec.kinds import INVALID, ScalarKind
from jobctl.spec.literals import read_fields
from jobctl.spec.model import CatchUp, Cron, Overlap, PayloadField
from jobctl.spec.moment import Moment, at_ms
from jobctl.spec.nodes import Mapping, Node, Problems, Scalar, Sequence, Value
from jobctl.spec.scalars import suggest_duration
from jobctl.spec.sections import Reading
from jobctl.spec.timezone import TimeZone

MAX_SCHEDULES = 100


class Expression(ScalarKind):
    """When a schedule fires. Inside a mapping a bare duration is good as well: ``every: 15m``."""

    label = "cron expression"
    expected = 'a cron expression such as `"0 2 * * *"`'

    def __init__(self, *, takes_duration: bool) -> None:
        self.takes_duration = takes_duration

    def parse(self, node: Scalar) -> str:
        """Return the expression in its plain form."""
        if self.takes_duration and node.text[:1].isdecimal() and suggest_duration(node.text) == node.text:
            return check_expression(f"@every {node.text}")
        return check_expression(node.text)


def read_schedules(
    node: Value,
    path: str,
    problems: Problems,
    *,
    job: str,
    key: Node,
    fields: tuple[PayloadField, ...] | None,
    timezone: str,
    catch_up: CatchUp,
) -> tuple[Cron, ...]:
    """Return the good schedules of a job; the others are reported.

    Args:
        key: the node at which a missing payload is reported.
        fields: the job's payload fields, or None if they are at fault and nothing can be said.
        timezone, catch_up: the job's own, for schedules that do not say otherwise.
    """
    if isinstance(node, Sequence):
        if not node.items:
            problems.report("bad-value", f"`{path}` is an empty list", node, hint="remove the key")
        if len(node.items) > MAX_SCHEDULES:
            problems.report("out-of-range", f"`{path}` holds more than {MAX_SCHEDULES} schedules", node)
            return ()
        entries: list[tuple[Value, str, Node]] = [
            (item, f"{path}[{index}]", item) for index, item in enumerate(node.items)
        ]
    else:
        entries = [(node, path, key)]
    schedules: list[Cron] = []
    places: dict[str, Node] = {}
    for index, (entry, where, place) in enumerate(entries, 1):
        reading = _read_entry(entry, where, problems, place)
        if reading is None:
            continue
        label = reading.values.get("id") or str(index)
        if label in places:
            problems.report(
                "duplicate-schedule",
                f"`{path}` has two schedules with the id {quote(label)}",
                reading.node_of("id"),
                related=[(places[label], "first here")],
            )
            continue
        places[label] = reading.node_of("id")
        payload = _payload(reading, where, problems, place, fields)
        zone = reading.values.get("timezone", timezone)
        start_ms, end_ms = _bounds(reading, where, zone, problems)
        if "every" not in reading.values or payload is None:
            continue
        schedules.append(
            Cron(
                id=job if len(entries) == 1 else f"{job}/{label}",
                expression=reading.values["every"],
                timezone=zone,
                payload=payload,
                catch_up=reading.values.get("catch_up", catch_up),
                catch_up_window_s=reading.values.get("catch_up_window_s", 0.0),
                overlap=reading.values.get("overlap", Overlap.ALLOW),
                jitter_s=reading.values.get("jitter_s", 0.0),
                start_ms=start_ms,
                end_ms=end_ms,
                location=entry.location,
            )
        )
    return tuple(schedules)


def _read_entry(node: Value, path: str, problems: Problems, place: Node) -> Reading | None:
    """Return a schedule's values, the expression and time zone checked, or None."""
    if isinstance(node, Scalar):
        expression = Expression(takes_duration=False).read(node, path, problems)
        return None if expression is INVALID else Reading(place, {"every": expression})
    reading = CRON.read(node, path, problems, owner=place)
    if reading is INVALID:
        return None
    result: Reading = reading
    for name, kind in (("every", Expression(takes_duration=True)), ("timezone", TimeZone())):
        if name in result.values:
            value = kind.read(result.values.pop(name), f"{path}.{name}", problems)
            if value is not INVALID:
                result.values[name] = value
    return result


def _bounds(reading: Reading, path: str, timezone: str, problems: Problems) -> tuple[int, int]:
    """Return start and end, ms since the epoch; 0 = not given, or at fault."""
    found = {}
    for name in ("start", "end"):
        node = reading.values.get(name)
        moment: Any = INVALID if node is None else Moment().read(node, f"{path}.{name}", problems)
        found[name] = 0 if moment is INVALID else at_ms(moment, timezone)
    if found["start"] and found["end"] and found["start"] >= found["end"]:
        text = f"`{path}` ends before it starts"
        problems.report("bad-bounds", text, reading.node_of("end"), hint="`end` must be later than `start`")
    return found["start"], found["end"]


def _payload(
    reading: Reading, path: str, problems: Problems, place: Node, fields: tuple[PayloadField, ...] | None
) -> dict[str, object] | None:
    """Return the complete payload of a schedule's jobs, or None if it is at fault."""
    if fields is None:
        return None
    node = reading.values.get("payload")
    if node is None and "payload" in reading.keys:
        return None
    if node is None:
        # nothing is given: report what is missing at the schedule itself
        empty = Mapping(place.source, place.line, place.column, place.width)
        hint = "give the schedule a payload: `{every: ..., payload: {...}}`"
        payload = read_fields(empty, fields, f"{path}.payload", problems, owner=place, hint=hint)
    elif isinstance(node, Mapping):
        payload = read_fields(node, fields, f"{path}.payload", problems, owner=reading.keys["payload"])
    else:
        problems.report("bad-value", f"`{path}.payload` must be a mapping of field to value", node)
        return None
    return None if payload is INVALID else payload
