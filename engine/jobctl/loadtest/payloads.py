"""Payloads made up from a job's declaration, for jobs of which any payload will do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from jobctl.compiler.plan import Registration
from jobctl.errors import UsageError
from jobctl.spec.model import NO_DEFAULT, FieldType, PayloadField

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
SPAN_S: Final = 365 * 86_400


def made_up(registration: Registration, number: int) -> dict[str, Any]:
    """Return a payload for the `number`th job: required fields only, different ones wherever there is a choice.

    Raises:
        UsageError: a field has a pattern, which nothing here can satisfy.
    """
    return _object(registration.name, registration.payload, number)


def _object(job: str, fields: Iterable[PayloadField], number: int) -> dict[str, Any]:
    return {
        field.name: _value(job, field, number) for field in fields if field.required and field.default is NO_DEFAULT
    }


def _value(job: str, field: PayloadField, number: int) -> Any:
    least = 0 if field.minimum is None else field.minimum
    most = field.maximum
    match field.type:
        case FieldType.STRING:
            if field.pattern is not None:
                raise UsageError(
                    f"no value of `{field.name}` of job `{job}` can be made up: it has a pattern",
                    hint="give the load test its payloads: override `JobUser.next_job`",
                )
            text = f"{number:x}".rjust(int(least), "x")
            return text if most is None else text[-int(most) :]
        case FieldType.INT:
            return int(least) + number % (int(most - least) + 1 if most is not None else 1_000_000)
        case FieldType.FLOAT:
            return float(least if most is None else least + (most - least) * (number % 100) / 100)
        case FieldType.BOOL:
            return bool(number % 2)
        case FieldType.UUID:
            return str(UUID(int=number))
        case FieldType.EMAIL:
            return f"user-{number}@example.com"
        case FieldType.URL:
            return f"https://example.com/{number}"
        case FieldType.DATETIME:
            return (EPOCH + timedelta(seconds=number % SPAN_S)).isoformat()
        case FieldType.DURATION:
            return f"{least:g}s" if least else "1s"
        case FieldType.ENUM:
            return field.choices[number % len(field.choices)]
        case FieldType.LIST:
            item = field.items
            return [_value(job, item, number + index) for index in range(int(least))] if item is not None else []
        case FieldType.OBJECT:
            return _object(job, field.fields, number)
