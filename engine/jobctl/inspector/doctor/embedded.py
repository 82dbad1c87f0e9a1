"""The embedded broker: good for development and one machine, not for a fleet."""

from __future__ import annotations

from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity


async def check(case: Case) -> list[Finding]:
    """Say that jobctl runs the broker itself."""
    if not case.is_embedded:
        return []
    return [
        Finding(
            code="embedded.broker",
            severity=Severity.NOTE,
            summary="no broker is configured: this is the folder's own, which jobctl runs itself",
            meaning="Only processes that use this folder see its jobs; it ends with the last of them.",
            remedy="set REDIS_URL where several machines are to work together",
        )
    ]
