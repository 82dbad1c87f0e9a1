"""Eviction: a broker must never throw keys away by itself."""

from __future__ import annotations

from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity


async def check(case: Case) -> list[Finding]:
    """Look at `maxmemory-policy`, and whether anything has been evicted already."""
    policy = case.info.get("maxmemory_policy")
    evicted = case.number("evicted_keys") or 0
    findings = []
    if policy not in (None, "noeviction"):
        findings.append(
            Finding(
                code="eviction.policy",
                severity=Severity.ERROR,
                summary=f"the broker throws keys away when its memory is full: `maxmemory-policy` is `{policy}`",
                meaning="It deletes waiting jobs, leases and schedules then, and tells nobody.",
                remedy="redis-cli CONFIG SET maxmemory-policy noeviction  # and the same in its configuration file",
                facts={"maxmemory_policy": policy},
            )
        )
    if evicted:
        findings.append(
            Finding(
                code="eviction.evicted",
                severity=Severity.ERROR,
                summary=f"the broker has thrown {evicted:,} keys away since it started",
                meaning="Jobs may be among them: their ids are met later without a record, and moved aside.",
                remedy="look for entries without a record: `jobctl doctor -o json`, finding `queues.poison`",
                facts={"evicted_keys": evicted},
            )
        )
    return findings
