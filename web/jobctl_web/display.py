"""Jobs as pages show them: by their job's name, secrets hidden, payloads that nobody declared left out. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jobctl.inspector.redaction import redact
from jobctl.records import JobRecord

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan


def job_name(plan: Plan | None, job_type: str) -> str:
    """Return the name of the job of a type; the type where no spec declares it."""
    found = plan.by_type.get(job_type) if plan else None
    return found.name if found else job_type


def hides_payload(plan: Plan | None, record: JobRecord) -> bool:
    """Whether the payload is left out: no spec declares the type, so that nobody said what in it is secret."""
    return bool(record.payload) and (plan is None or record.type not in plan.by_type)


def shown(plan: Plan | None, record: JobRecord) -> JobRecord:
    """Return the record as it may be shown, to anybody."""
    if plan is None or record.type not in plan.by_type:
        return replace(record, payload={})
    return redact(record, plan)


def address(record: JobRecord) -> str:
    """Return what a job is called in addresses and forms."""
    return f"{record.queue}:{record.key}"
