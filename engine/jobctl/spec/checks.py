"""The check of each payload field type, made for one field: its bounds, pattern and choices are looked up once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from jobctl.durations import format_duration
from jobctl.spec.badvalue import INT_LIMIT, BadValue
from jobctl.spec.diagnostics import listed, quote
from jobctl.spec.forms import (
    check_uuid,
    json_float,
    json_int,
    json_text,
    json_value,
    read_datetime,
    read_duration,
    write_datetime,
    write_duration,
)
from jobctl.spec.model import FieldType, PayloadField

Check: TypeAlias = Callable[[Any], Any]
Maker: TypeAlias = Callable[[PayloadField], Check]
Makers: TypeAlias = Mapping[FieldType, Maker]

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_URL_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


def within(field: PayloadField, noun: str = "") -> Callable[[float, Any], None]:
    """Return a function of ``(measure, value)`` that raises BadValue outside of the field's bounds."""
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum
    spell = format_duration if field.type is FieldType.DURATION else "{:,.15g}".format

    def check_bounds(measure: float, value: Any) -> None:
        if measure < low:
            raise BadValue.of(f"must {noun or 'be'} at least {spell(low)}", value)
        if measure > high:
            raise BadValue.of(f"must {noun or 'be'} at most {spell(high)}", value)

    return check_bounds


def is_bounded(field: PayloadField) -> bool:
    """Whether the field has a least or a greatest value."""
    return field.minimum is not None or field.maximum is not None


def _string(field: PayloadField) -> Check:
    matches = re.compile(field.pattern).fullmatch if field.pattern is not None else None
    check_length = within(field, "have a length of") if is_bounded(field) else None

    def check_string(value: Any) -> str:
        if not isinstance(value, str):
            raise BadValue.of("must be a text", value)
        text = json_text(value)
        if check_length is not None:
            check_length(len(text), value)
        if matches is not None and not matches(text):
            raise BadValue.of(f"must match the pattern {quote(field.pattern or '')}", value)
        return text

    return check_string


def _int(field: PayloadField) -> Check:
    check_bounds = within(field) if is_bounded(field) else None

    def check_int(value: Any) -> int:
        if type(value) is not int and (isinstance(value, bool) or not isinstance(value, int)):
            raise BadValue.of("must be a whole number", value)
        if check_bounds is not None:
            check_bounds(value, value)
        return value if -INT_LIMIT <= value < INT_LIMIT and type(value) is int else json_int(value)

    return check_int


def _float(field: PayloadField) -> Check:
    check_bounds = within(field) if is_bounded(field) else None

    def check_float(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadValue.of("must be a number", value)
        try:
            number = json_float(float(value))
        except OverflowError:
            raise BadValue.of("must be a finite number", value) from None
        if check_bounds is not None:
            check_bounds(number, value)
        return number

    return check_float


def _bool(_: PayloadField) -> Check:
    def check_bool(value: Any) -> bool:
        if type(value) is not bool:
            raise BadValue.of("must be true or false", value)
        return value

    return check_bool


def _uuid(_: PayloadField) -> Check:
    return check_uuid


def _email(_: PayloadField) -> Check:
    def check_email(value: Any) -> str:
        if isinstance(value, str) and len(value) <= 254:
            local, at, domain = value.rpartition("@")
            if at and len(local) <= 64 and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain):
                return json_text(value)
        raise BadValue.of("must be an e-mail address such as `ada@example.com`", value)

    return check_email


def _url(_: PayloadField) -> Check:
    def check_url(value: Any) -> str:
        if isinstance(value, str) and value.isprintable() and " " not in value:
            try:
                parts = urlsplit(value)
                _ = parts.port
            except ValueError:
                pass
            else:
                if _URL_SCHEME.fullmatch(parts.scheme) and parts.hostname:
                    return json_text(value)
        raise BadValue.of("must be a URL such as `https://example.com/path`", value)

    return check_url


def _datetime(_: PayloadField) -> Check:
    def check_datetime(value: Any) -> str:
        if isinstance(value, datetime):
            return write_datetime(value)
        if isinstance(value, str):
            return write_datetime(read_datetime(value))
        raise BadValue.of("must be a time such as `2026-01-31T09:30:00Z`", value)

    return check_datetime


def _duration(field: PayloadField) -> Check:
    check_bounds = within(field) if is_bounded(field) else None

    def check_duration(value: Any) -> str:
        text = write_duration(value) if isinstance(value, timedelta) else value
        if not isinstance(text, str):
            raise BadValue.of("must be a duration such as `30s`, `5m`, `1h30m`", value)
        seconds = read_duration(text)
        if check_bounds is not None:
            check_bounds(seconds, text)
        return str.__str__(text)

    return check_duration


def _enum(field: PayloadField) -> Check:
    choices = {choice: choice for choice in field.choices}
    expected = f"must be {listed(field.choices)}"

    def check_enum(value: Any) -> str:
        if isinstance(value, str) and value in choices:
            return choices[value]
        raise BadValue.of(expected, value)

    return check_enum


def _object(_: PayloadField) -> Check:
    def check_object(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise BadValue.of("must be an object", value)
        return json_value(value)

    return check_object


JSON_MAKERS: Makers = {
    FieldType.STRING: _string,
    FieldType.INT: _int,
    FieldType.FLOAT: _float,
    FieldType.BOOL: _bool,
    FieldType.UUID: _uuid,
    FieldType.EMAIL: _email,
    FieldType.URL: _url,
    FieldType.DATETIME: _datetime,
    FieldType.DURATION: _duration,
    FieldType.ENUM: _enum,
    FieldType.OBJECT: _object,
}
