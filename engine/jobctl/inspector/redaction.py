"""Hiding secrets wherever a job is shown. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Registration
from jobctl.compiler.redact import compile_redact
from jobctl.records import JobRecord

if TYPE_CHECKING:
    from jobctl.inspector.lines import LogLine
    from jobctl.inspector.status import FailureLine

HIDDEN = "***"
SHORTEST_SECRET = 4  # characters; shorter values stand in every text by chance
SHORTEST_LINE = 12  # characters; of a secret of many lines each of these is one, for tracebacks and logs are cut
CUT_FROM = 300  # characters; shorter texts were kept as a whole


def redact(record: JobRecord, plan: Plan) -> JobRecord:
    """Return the job with the values of its secret payload fields hidden.

    They are hidden in the payload by the job's declaration, and by value in its result, its errors and its meta:
    handlers quote what they were given. A job of a type that the plan does not know is returned as it is.
    """
    registration = plan.by_type.get(record.type)
    if registration is None:
        return record
    shown, secrets = _split(registration, record.payload)
    return replace(
        record,
        payload=shown,
        result=_masked(record.result, secrets),
        error=_masked(record.error, secrets),
        meta=_masked(record.meta, secrets),
        history=tuple(replace(attempt, error=_masked(attempt.error, secrets)) for attempt in record.history),
    )


def redact_failure(failure: FailureLine, payload: Mapping[str, Any] | None, plan: Plan) -> FailureLine:
    """Return a line of the latest failures with the secrets of its job hidden.

    Args:
        failure: as it was noted.
        payload: of its job; None = it is gone, and with it what was secret: the error is hidden as a whole.
        plan: the declarations.
    """
    registration = plan.by_type.get(failure.type)
    if registration is None or not has_secrets(registration):
        return failure
    return replace(failure, error=HIDDEN if payload is None else mask(failure.error, failure.type, payload, plan))


def redact_line(line: LogLine, job: JobRecord, plan: Plan) -> LogLine:
    """Return a line of a job's log with the secrets of its payload hidden."""
    told = {"message": line.message, "facts": line.facts, "traceback": line.traceback}
    return replace(line, **mask(told, job.type, job.payload, plan))


def mask(value: Any, job_type: str, payload: Mapping[str, Any], plan: Plan) -> Any:
    """Return what may quote a payload (a text, or a mapping or list of texts) with the secrets of it hidden."""
    registration = plan.by_type.get(job_type)
    return value if registration is None else _masked(value, _split(registration, payload)[1])


def secretive_types(plan: Plan | None) -> frozenset[str]:
    """Return the types whose payloads have something secret."""
    return frozenset(each.type for each in plan.registrations if has_secrets(each)) if plan else frozenset()


def has_secrets(registration: Registration) -> bool:
    """Whether anything in a job's payload is declared secret, however deep."""
    return compile_redact(registration.payload) is not None


def _split(registration: Registration, payload: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the payload as it may be shown, and the texts to be hidden elsewhere.

    The longest of them come first: a secret that is part of another leaves nothing of it.
    """
    shown = PayloadSchema(registration.name, registration.payload).redact(payload)
    texts = {*_hidden(payload, shown), *_defaults(registration, payload)}
    forms = {form for text in texts if len(text) >= SHORTEST_SECRET for form in _forms(text)}
    return shown, sorted(forms, key=len, reverse=True)


def _forms(text: str) -> Iterator[str]:
    """Yield a secret as it may stand in a text: as it is, as Python or JSON quotes it, in an address, line by line."""
    yield text
    if text.isalnum() and text.isascii():
        return
    yield repr(text)[1:-1]
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield quote(text, safe="", errors="replace")
    yield quote_plus(text, errors="replace")
    lines = text.splitlines()
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= SHORTEST_LINE)


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


def _defaults(registration: Registration, payload: Mapping[str, Any]) -> Iterator[str]:
    """Yield the secrets that a handler was given for fields that are left out."""
    for field in registration.payload:
        if field.secret and field.default is not None and field.name not in payload:
            yield from _leaves(field.default)


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
        return _without(value, secrets)
    if isinstance(value, Mapping):
        return {_masked(name, secrets): _masked(inner, secrets) for name, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, secrets) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return HIDDEN if str(value) in secrets else value
    return value


def _without(text: str, secrets: Sequence[str]) -> str:
    may_be_cut = len(text) >= CUT_FROM
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    if may_be_cut:
        for secret in secrets:
            text = _without_stump(text, secret)
    return text


def _without_stump(text: str, secret: str) -> str:
    """Return a text without what is left of a secret at its ends, where it was cut."""
    first, last = text.startswith("…"), len(text) - text.endswith("…")
    for length in range(len(secret) - 1, SHORTEST_SECRET - 1, -1):
        if text.endswith(secret[:length], 0, last):
            text = text[: last - length] + HIDDEN + text[last:]
            break
    for length in range(len(secret) - 1, SHORTEST_SECRET - 1, -1):
        if text.startswith(secret[-length:], first):
            text = text[:first] + HIDDEN + text[first + length :]
            break
    return text
