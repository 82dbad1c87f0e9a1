"""Hiding secrets wherever a job is shown. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Registration
from jobctl.compiler.redact import compile_redact
from jobctl.inspector.status import FailureLine
from jobctl.records import JobRecord

HIDDEN = "***"
SHORTEST_SECRET = 4  # characters; shorter values stand in every text by chance


def redact(record: JobRecord, plan: Plan) -> JobRecord:
    """Return the job with the values of its secret payload fields hidden.

    They are hidden in the payload by the job's declaration, and by value in its result, its errors and its meta:
    handlers quote what they were given. A job of a type that the plan does not know is returned as it is.
    """
    registration = plan.by_type.get(record.type)
    if registration is None:
        return record
    shown = PayloadSchema(registration.name, registration.payload).redact(record.payload)
    secrets = _secrets(record, shown)
    return replace(
        record,
        payload=shown,
        result=_masked(record.result, secrets),
        error=_masked(record.error, secrets),
        meta=_masked(record.meta, secrets),
        history=tuple(replace(attempt, error=_masked(attempt.error, secrets)) for attempt in record.history),
    )


def redact_failure(failure: FailureLine, record: JobRecord | None, plan: Plan) -> FailureLine:
    """Return a line of the latest failures with the secrets of its job hidden.

    Args:
        failure: as it was noted.
        record: its job; None = it is gone, and with it what was secret: the error is hidden as a whole.
        plan: the declarations.
    """
    registration = plan.by_type.get(failure.type)
    if registration is None or not has_secrets(registration):
        return failure
    if record is None:
        return replace(failure, error=HIDDEN)
    return replace(failure, error=mask(failure.error, record, plan))


def mask(value: Any, record: JobRecord, plan: Plan) -> Any:
    """Return what may quote a job's payload (a text, or a mapping or list of texts) with the secrets of it hidden."""
    registration = plan.by_type.get(record.type)
    if registration is None:
        return value
    shown = PayloadSchema(registration.name, registration.payload).redact(record.payload)
    return _masked(value, _secrets(record, shown))


def has_secrets(registration: Registration) -> bool:
    """Whether anything in a job's payload is declared secret."""
    return compile_redact(registration.payload) is not None


def _secrets(record: JobRecord, shown: Mapping[str, Any]) -> list[str]:
    """Return the texts to be hidden, longest first: a secret that is part of another leaves nothing of it."""
    return sorted({text for text in _hidden(record.payload, shown) if len(text) >= SHORTEST_SECRET}, key=len)[::-1]


def _hidden(value: Any, shown: Any) -> Iterator[str]:
    """Yield the texts that stand in a value and were hidden in what is shown of it."""
    if value == shown:
        return
    if isinstance(value, Mapping) and isinstance(shown, Mapping):
        for name, inner in value.items():
            yield from _hidden(inner, shown.get(name))
    elif isinstance(value, list) and isinstance(shown, list) and len(value) == len(shown):
        for inner, other in zip(value, shown, strict=True):
            yield from _hidden(inner, other)
    else:
        yield from _leaves(value)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _masked(value: Any, secrets: Sequence[str]) -> Any:
    if not secrets:
        return value
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {name: _masked(inner, secrets) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, secrets) for inner in value]
    return value
