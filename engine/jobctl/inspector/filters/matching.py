"""From expression to a test of records. Pure."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from jobctl.durations import parse_duration
from jobctl.inspector.filters.expression import All, Condition, Expression, Not, Value, conditions
from jobctl.inspector.filters.fields import MISSING, PAYLOAD, Field, Kind, find_field, number
from jobctl.inspector.redaction import redact, secretive_types
from jobctl.records import JobRecord

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan

Test = Callable[[JobRecord], bool]
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_WORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Facts:
    """What records are looked at with.

    Attributes:
        now_ms: the time that ages are counted to, ms since the epoch.
        plan: knows jobs by name, the tags they declare, and what in their payloads is secret.
    """

    now_ms: float
    plan: Plan | None = None


def compile_test(expression: Expression | None, facts: Facts) -> Test | None:
    """Return the test of an expression, or None where every record passes.

    Secrets cannot be found by their values: a record is tested as it may be shown.
    """
    if expression is None:
        return None
    test = _compile(expression, facts)
    plan = facts.plan
    secretive = secretive_types(plan)
    if plan is None or not secretive or not any(_may_leak(each) for each in conditions(expression)):
        return test
    shown_with: Plan = plan
    return lambda record: test(redact(record, shown_with) if record.type in secretive else record)


def text_test(op: str, values: Sequence[Value]) -> Callable[[str], bool]:
    """Return the test of one text: ``=`` is equal to any of the values or fits its wildcards, ``~`` has it in it.

    What is sought by ``~`` is found in capitals as well.
    """
    if op == "~":
        sought = [value.text.casefold() for value in values]
        return lambda text: any(each in text.casefold() for each in sought)
    exact = frozenset(value.text for value in values if not value.is_pattern)
    patterns = [wildcard(value.text) for value in values if value.is_pattern]
    if not patterns:
        return exact.__contains__
    return lambda text: text in exact or any(fits(text) for fits in patterns)


def wildcard(text: str) -> Callable[[str], bool]:
    """Return the test of a text in which each `*` stands for any text; its time grows as the texts' lengths only."""
    head, *middle = text.split("*")
    if not middle:
        return head.__eq__
    tail = middle.pop()

    def fits(found: str) -> bool:
        at, end = len(head), len(found) - len(tail)
        if at > end or not (found.startswith(head) and found.endswith(tail)):
            return False
        for piece in middle:
            at = found.find(piece, at, end) + len(piece)
            if at < len(piece):
                return False
        return True

    return fits


def _compile(expression: Expression, facts: Facts) -> Test:
    match expression:
        case Condition():
            return _compile_condition(expression, facts)
        case Not(part):
            inner = _compile(part, facts)
            return lambda record: not inner(record)
    tests = [_compile(part, facts) for part in expression.parts]
    if isinstance(expression, All):
        return lambda record: all(test(record) for test in tests)
    return lambda record: any(test(record) for test in tests)


def _compile_condition(condition: Condition, facts: Facts) -> Test:
    if condition.is_negative:
        inner = _compile_condition(replace(condition, op=condition.op[1:]), facts)
        return lambda record: not inner(record)
    field = find_field(condition.name)
    assert field is not None  # noqa: S101 - the parser and `where` make no others
    if field.kind is Kind.PAYLOAD:
        of_value = _payload_test(condition.op, condition.values)
        return lambda record: of_value(field.read(record, facts.now_ms))
    if field.kind is Kind.TEXT:
        return _compile_text(condition, field, facts)
    if condition.op == "=":
        wanted = frozenset(map(_plain, condition.values))
        return lambda record: field.read(record, facts.now_ms) in wanted
    compare = _COMPARE[condition.op]
    text = condition.values[0].text
    bound = parse_duration(text) if field.kind is Kind.DURATION else number(text)

    def is_within(record: JobRecord) -> bool:
        found = field.read(record, facts.now_ms)
        return found is not None and compare(found, bound)

    return is_within


def _compile_text(condition: Condition, field: Field, facts: Facts) -> Test:
    test = _present(condition.op, condition.values)
    if field.name == "type" and facts.plan is not None:
        by_type = facts.plan.by_type
        # a job may be asked for by its name as well
        wanted = {kind: test(kind) or test(declared.name) for kind, declared in by_type.items()}
        return lambda record: wanted[record.type] if record.type in wanted else test(record.type)
    if field.name == "tag" and facts.plan is not None:
        tagged = {kind for kind, declared in facts.plan.by_type.items() if any(map(test, declared.tags))}
        return lambda record: record.type in tagged or any(map(test, record.tags))
    return lambda record: any(map(test, field.read(record, facts.now_ms)))


def _present(op: str, values: Sequence[Value]) -> Callable[[str], bool]:
    """Return the test of a text that is "" where there is none: `origin=*` means jobs that have one."""
    test = text_test(op, values)
    if op == "=" and all(value.text for value in values):
        return lambda text: bool(text) and test(text)
    return test


def _payload_test(op: str, values: Sequence[Value]) -> Callable[[Any], bool]:
    one = _payload_order(op, values[0]) if op in _COMPARE else _payload_equality(op, values)

    def test(found: Any) -> bool:
        if isinstance(found, list):  # a list is asked about each of what is in it
            return any(one(item) for item in found)
        return one(found)

    return test


def _payload_equality(op: str, values: Sequence[Value]) -> Callable[[Any], bool]:
    of_text = text_test(op, values)
    if op == "~":
        return lambda found: found is not MISSING and of_text(_as_text(found))
    has_patterns = any(value.is_pattern for value in values)
    literals = [_plain(value) for value in values if not value.is_quoted]

    def test(found: Any) -> bool:
        if found is MISSING:
            return False
        if isinstance(found, str):
            return of_text(found)
        # true is no 1 here, as in JSON
        if any(found == each and isinstance(found, bool) == isinstance(each, bool) for each in literals):
            return True
        return has_patterns and of_text(_as_text(found))

    return test


def _payload_order(op: str, value: Value) -> Callable[[Any], bool]:
    compare = _COMPARE[op]
    bound = None if value.is_quoted else number(value.text)

    def test(found: Any) -> bool:
        if isinstance(found, str):
            return compare(found, value.text)
        return (
            bound is not None
            and isinstance(found, int | float)
            and not isinstance(found, bool)
            and compare(found, bound)
        )

    return test


def _plain(value: Value) -> Any:
    """Return what a value stands for: a number, true, false, null, or its text."""
    if value.is_quoted:
        return value.text
    if value.text in _WORDS:
        return _WORDS[value.text]
    found = number(value.text)
    return value.text if found is None else found


def _as_text(found: Any) -> str:
    if isinstance(found, str):
        return found
    return json.dumps(found, ensure_ascii=False, default=str)


def _may_leak(condition: Condition) -> bool:
    return condition.name == "error" or condition.name.startswith(PAYLOAD)
