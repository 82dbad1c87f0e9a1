"""Queues: entries that are no jobs, and dead jobs that are about to be forgotten."""

from __future__ import annotations

from jobctl.broker.keys import QueueKeys
from jobctl.broker.upkeep import DEAD_CAP
from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity
from jobctl.records import JobState

NEARLY = 0.9


async def check(case: Case) -> list[Finding]:
    """Look for entries without a record, and for queues with as many dead jobs as are kept."""
    findings = []
    for queue in case.overview.queues:
        if queue.poison:
            findings.append(
                Finding(
                    code="queues.poison",
                    severity=Severity.WARNING,
                    summary=f"{queue.poison:,} entries of queue `{queue.name}` were no jobs, and were moved aside",
                    meaning="Their records had been evicted, had expired, or were overwritten by somebody.",
                    remedy=f"redis-cli HGETALL {QueueKeys(queue.name).poison}  # shows them; then DEL the key",
                    facts={"queue": queue.name, "count": queue.poison},
                )
            )
        dead = queue.counts[JobState.DEAD]
        if dead >= NEARLY * DEAD_CAP:
            findings.append(
                Finding(
                    code="queues.dead",
                    severity=Severity.WARNING,
                    summary=f"queue `{queue.name}` holds {dead:,} dead jobs; {DEAD_CAP:,} are kept",
                    meaning="The oldest are forgotten when more die.",
                    remedy="jobctl dead  # says why they died; then replay them, or purge them",
                    facts={"queue": queue.name, "dead": dead, "kept": DEAD_CAP},
                )
            )
    return findings
