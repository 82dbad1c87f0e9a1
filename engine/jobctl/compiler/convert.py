"""Payload values as handlers get them: UUIDs, datetimes and timedeltas instead of their text."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from jobctl.spec.badvalue import BadValue
from jobctl.spec.checks import JSON_MAKERS, Check, Makers
from jobctl.spec.forms import check_uuid, is_uuid_text, read_datetime
from jobctl.spec.model import FieldType, PayloadField


def _uuid(_: PayloadField) -> Check:
    from uuid import UUID

    def convert_uuid(value: Any) -> UUID:
        return UUID(value if is_uuid_text(value) else check_uuid(value))

    return convert_uuid


def _datetime(_: PayloadField) -> Check:
    def convert_datetime(value: Any) -> datetime:
        if isinstance(value, str):
            return read_datetime(value)
        raise BadValue.of("must be a time such as `2026-01-31T09:30:00Z`", value)

    return convert_datetime


def _duration(field: PayloadField) -> Check:
    from jobctl.durations import parse_duration

    check = JSON_MAKERS[FieldType.DURATION](field)

    def convert_duration(value: Any) -> timedelta:
        return timedelta(seconds=parse_duration(check(value)))

    return convert_duration


PYTHON_MAKERS: Makers = {
    **JSON_MAKERS,
    FieldType.UUID: _uuid,
    FieldType.DATETIME: _datetime,
    FieldType.DURATION: _duration,
}
