"""Filters as callers hold them: read from text, built from values, joined. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jobctl.durations import format_duration
from jobctl.errors import UsageError
from jobctl.inspector.filters.expression import Condition, Expression, Value, all_of, any_of, conditions, reduced
from jobctl.inspector.filters.fields import find_field, unknown_field_hint
from jobctl.inspector.filters.parser import parse
from jobctl.inspector.query import STATES
from jobctl.records import JobState

Given = str | int | float | bool | None
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*")  # means the same with quotes and without


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant. Its text is the filter in the language, as it could be typed.

    Two are joined by ``&`` (both) and ``|`` (either).

    Attributes:
        expression: what must hold; None = all jobs. Dead jobs that have been replayed are left out unless the
            expression names ``replayed``.
    """

    expression: Expression | None = None

    def __str__(self) -> str:
        return "" if self.expression is None else str(self.expression)

    def __and__(self, other: JobFilter) -> JobFilter:
        parts = [each.expression for each in (self, other) if each.expression is not None]
        return JobFilter(all_of(*parts) if parts else None)

    def __or__(self, other: JobFilter) -> JobFilter:
        if self.expression is None or other.expression is None:
            return EVERYTHING
        return JobFilter(any_of(self.expression, other.expression))

    def names(self, field: str) -> bool:
        """Whether a condition on this field stands in it."""
        return self.expression is not None and any(each.name == field for each in conditions(self.expression))

    def states(self) -> list[JobState]:
        """Return the states that its jobs can be in."""
        return [state for state in STATES if self.expression is None or _admits_state(self.expression, state)]


EVERYTHING: Final = JobFilter()


def parse_filter(text: str) -> JobFilter:
    """Read a filter.

    Raises:
        FilterError: it cannot be read; says where and why.

    Example:
        >>> str(parse_filter("state=dead  (type='mail:send' or attempts>=3)"))
        'state=dead and (type="mail:send" or attempts>=3)'
    """
    return JobFilter(parse(text))


def where(
    *,
    older_than_s: float | None = None,
    newer_than_s: float | None = None,
    payload: dict[str, Given] | None = None,
    **fields: Given | Iterable[str],
) -> JobFilter:
    """Build a filter from values, which need no quoting.

    Args:
        older_than_s: its age is at least this, seconds.
        newer_than_s: its age is at most this, seconds.
        payload: field -> value that its payload has there.
        fields: ``state``, ``queue``, ``type`` and the other fields -> the value, or several of which any will do;
            None restricts nothing.

    Raises:
        UsageError: there is no such field, or it cannot have such a value.

    Example:
        >>> str(where(state=["dead", "retrying"], type="mail:send", payload={"id": 7, "to": "7"}))
        'state=dead,retrying and type=mail:send and payload.id=7 and payload.to="7"'
    """
    found = EVERYTHING
    for name, given in fields.items():
        if given is not None:
            found &= JobFilter(_condition(name, given))
    for name, value in (payload or {}).items():
        found &= JobFilter(_condition(f"payload.{name}", value))
    if older_than_s is not None:
        found &= parse_filter(f"age>={format_duration(older_than_s)}")
    if newer_than_s is not None:
        found &= parse_filter(f"age<={format_duration(newer_than_s)}")
    return found


def _admits_state(expression: Expression, state: JobState) -> bool:
    def known(condition: Condition) -> bool | None:
        if condition.name != "state":
            return None
        return any(value.text == state for value in condition.values) is not condition.is_negative

    return reduced(expression, known) is not False


def _condition(name: str, given: Given | Iterable[str]) -> Condition:
    field = find_field(name)
    if field is None:
        raise UsageError(f"a job has no field `{name}`", code="filter.unknown-field", hint=unknown_field_hint(name))
    several = [given] if given is None or isinstance(given, str | int | float) else sorted(given)
    if not several:
        raise UsageError(f"`{name}` of none of no values matches no job", code="filter.value", hint="leave it out")
    return Condition(name, "=", tuple(_value(each) for each in several))


def _value(given: Given) -> Value:
    match given:
        case None:
            return Value("null")
        case bool():
            return Value("true" if given else "false")
        case int() | float():
            return Value(repr(given))
    text = str(given)
    return Value(text, is_quoted=not _PLAIN.fullmatch(text) or text in ("true", "false", "null"))
