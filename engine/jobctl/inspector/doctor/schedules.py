"""Schedules: which should have fired and have not, and which nobody fires any more."""

from __future__ import annotations

from jobctl.durations import format_elapsed
from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity
from jobctl.inspector.schedules import Schedules


async def check(case: Case) -> list[Finding]:
    """Look for overdue and orphaned schedules."""
    findings = []
    for status in await Schedules(case.redis, case.plan).statuses():
        name = status.schedule.id
        if status.overdue_ms:
            findings.append(
                Finding(
                    code="schedules.overdue",
                    severity=Severity.ERROR,
                    summary=f"schedule `{name}` should have fired {format_elapsed(status.overdue_ms / 1000)} ago",
                    meaning="No scheduler claims its ticks: no worker with this spec runs, or none may schedule.",
                    remedy=f"jobctl run  # with the spec that has it; `jobctl cron history {name}` shows what it did",
                    facts={"schedule": name, "overdue_ms": status.overdue_ms, "state": status.state},
                )
            )
        elif status.state == "orphaned":
            findings.append(
                Finding(
                    code="schedules.orphaned",
                    severity=Severity.WARNING,
                    summary=f"schedule `{name}` is in no spec that runs",
                    meaning="Its workers are gone, or its job was taken out of the specs: it does not fire.",
                    remedy=f"jobctl cron forget {name}  # or `jobctl run` with the spec that has it",
                    facts={"schedule": name, "seen_ms": status.seen_ms},
                )
            )
    return findings
