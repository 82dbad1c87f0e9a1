"""Clocks: how far those of workers and of this machine are from the broker's, which decides."""

from __future__ import annotations

from jobctl.durations import format_elapsed
from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity

MOST_MS = 2_000  # beyond what a late report explains


async def check(case: Case) -> list[Finding]:
    """Compare the clocks that workers report, and this machine's."""
    skews = {f"{one.host} (worker {one.id})": one.skew_ms for one in case.overview.workers}
    if abs(case.skew_ms) > case.trip_ms / 2:
        skews["this machine"] = round(case.skew_ms)
    return [
        Finding(
            code="clocks.skew",
            severity=Severity.WARNING,
            summary=f"the clock of {where} is {format_elapsed(abs(skew) / 1000)} "
            + ("ahead of the broker's" if skew > 0 else "behind the broker's"),
            meaning="Leases, delays and schedules go by the broker's clock; its logs, and jobs that stock SAQ "
            "producers schedule there, do not.",
            remedy="set it right: `timedatectl set-ntp true` on that host",
            facts={"where": where, "skew_ms": skew},
        )
        for where, skew in skews.items()
        if abs(skew) > MOST_MS
    ]
