"""The JSON form of values: plain JSON, and UUIDs, datetimes and durations as text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from jobctl.durations import format_duration, parse_duration
from jobctl.spec.badvalue import INT_LIMIT, BadValue, show

MAX_DEPTH = 32  # of free JSON values; a cycle must end
MAX_DURATION_S = 86_400e6  # a million days, some 2,700 years: far more than a date can be off
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)?", re.ASCII)


def json_value(value: Any, depth: int = 0) -> Any:
    """Return any value as JSON holds it; UUIDs, datetimes and timedeltas become text.

    Raises:
        BadValue: JSON cannot hold it.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if isinstance(value, str):
        return json_text(value)
    if isinstance(value, int):
        return json_int(value)
    if isinstance(value, float):
        return json_float(value)
    if depth > MAX_DEPTH:
        raise BadValue.of(f"is nested deeper than {MAX_DEPTH} levels")
    problems: list[tuple[str, str, str]] = []
    result: Any
    if isinstance(value, Mapping):
        result = {}
        for key, item in value.items():
            if not isinstance(key, str):
                problems.append((str(key), "must have a text as its key", show(key)))
                continue
            try:
                result[json_text(key)] = json_value(item, depth + 1)
            except BadValue as error:
                problems += error.under(str(key))
    elif isinstance(value, list | tuple):
        result = []
        for index, item in enumerate(value):
            try:
                result.append(json_value(item, depth + 1))
            except BadValue as error:
                problems += error.under(f"[{index}]")
    elif isinstance(value, datetime):
        return write_datetime(value)
    elif isinstance(value, timedelta):
        return write_duration(value)
    elif is_uuid(value):
        return str(value)
    else:
        raise BadValue.of("must be a JSON value", value)
    if problems:
        raise BadValue(problems)
    return result


def read_datetime(text: str) -> datetime:
    """Return an aware datetime from ISO 8601; without a zone it is UTC.

    Raises:
        BadValue: not a date with a time.
    """
    try:
        if not _DATETIME.fullmatch(text):
            raise ValueError
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    except ValueError:
        raise BadValue.of("must be a time such as `2026-01-31T09:30:00Z`", text) from None


def write_datetime(moment: datetime) -> str:
    """Return ISO 8601 with zone, ``Z`` for UTC; a naive datetime is UTC."""
    text = (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def read_duration(text: str) -> float:
    """Return seconds.

    Raises:
        BadValue: no duration.
    """
    try:
        seconds = parse_duration(text)
    except ValueError:
        raise BadValue.of("must be a duration such as `30s`, `5m`, `1h30m`", text) from None
    if seconds > MAX_DURATION_S:
        raise BadValue.of("must be a duration of at most 1000000d", text)
    return seconds


def write_duration(duration: timedelta) -> str:
    """Return a duration as text, to the millisecond.

    Raises:
        BadValue: negative, or finer than a millisecond.
    """
    if duration < timedelta(0) or duration.microseconds % 1000 or duration.total_seconds() > MAX_DURATION_S:
        raise BadValue.of("must be a duration of 0s or more in whole milliseconds", str(duration))
    return format_duration(duration.total_seconds())


def is_uuid_text(value: Any) -> bool:
    """Whether a value is a UUID's text with its four hyphens."""
    return type(value) is str and _UUID.fullmatch(value) is not None


def check_uuid(value: Any) -> str:
    """Return a UUID as text in its canonical form: small letters, four hyphens."""
    if is_uuid_text(value):
        return str(value.lower())
    if is_uuid(value):
        return str(value)
    raise BadValue.of("must be a UUID such as `7c9e6679-7425-40de-944b-e07fc1f90ae7`", value)


def json_text(value: str) -> str:
    """Return a plain str that UTF-8 can hold."""
    text = value if type(value) is str else str.__str__(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadValue.of("must be text that UTF-8 can hold", text) from None
    return text


def json_int(value: int) -> int:
    """Return a plain int of 64 bits."""
    if not -INT_LIMIT <= value < INT_LIMIT:
        raise BadValue.of("must fit in 64 bits", value)
    return int(value)


def json_float(value: float) -> float:
    """Return a plain finite float."""
    if not math.isfinite(value):
        raise BadValue.of("must be a finite number", str(value))
    return float(value)


def is_uuid(value: Any) -> bool:
    """Whether a value is a ``uuid.UUID``, without importing that module for nothing."""
    if type(value).__module__ != "uuid":
        return False
    from uuid import UUID

    return isinstance(value, UUID)
