"""Hiding secrets wherever a job is shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobctl.compiler import masking
from jobctl.compiler.masking import has_secrets
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan
from jobctl.compiler.redact import HIDDEN
from jobctl.records import JobRecord

if TYPE_CHECKING:
    from jobctl.inspector.lines import LogLine
    from jobctl.inspector.status import FailureLine


def redact(record: JobRecord, plan: Plan) -> JobRecord:
    """Return the job with the values of its secret payload fields hidden.

    They are hidden in the payload by the job's declaration, and by value in its result, its errors and its meta:
    handlers quote what they were given. A job of a type that the plan does not know is returned as it is.
    """
    registration = plan.by_type.get(record.type)
    if registration is None or not has_secrets(registration):
        return record
    secrets = masking.secrets_of(registration, record.payload)
    return replace(
        record,
        payload=PayloadSchema(registration.name, registration.payload).redact(record.payload),
        result=masking.without(secrets, record.result),
        error=masking.without(secrets, record.error),
        meta=masking.without(secrets, record.meta),
        history=tuple(replace(attempt, error=masking.without(secrets, attempt.error)) for attempt in record.history),
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
    return value if registration is None else masking.mask(value, registration, payload)


def secretive_types(plan: Plan | None) -> frozenset[str]:
    """Return the types whose payloads have something secret."""
    return frozenset(each.type for each in plan.registrations if has_secrets(each)) if plan else frozenset()
