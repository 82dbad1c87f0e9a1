"""Failing: queues most of whose attempts have failed lately."""

from __future__ import annotations

from jobctl.inspector.doctor.case import WINDOW_S, Case
from jobctl.inspector.doctor.finding import Finding, Severity

LEAST = 10  # failed attempts: fewer are bad luck
SHARE = 0.5


async def check(case: Case) -> list[Finding]:
    """Look at what became of the attempts of the last minutes."""
    findings = []
    for queue, rates in case.overview.rates.items():
        ended = rates.failed + rates.complete
        if rates.failed >= LEAST and rates.failed >= SHARE * ended:
            findings.append(
                Finding(
                    code="failing.queue",
                    severity=Severity.WARNING,
                    summary=f"{rates.failed:,} of the {ended:,} attempts in queue `{queue}` have failed in the last "
                    f"{WINDOW_S // 60} minutes",
                    meaning="Most likely a service that its jobs call is down, or a deploy broke them.",
                    remedy=f"jobctl dead --queue {queue}  # the errors by kind; `jobctl top` shows the latest",
                    facts={"queue": queue, "failed": rates.failed, "complete": rates.complete, "window_s": WINDOW_S},
                )
            )
    return findings
