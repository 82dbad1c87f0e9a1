"""Version: what the server is, and whether it is new enough."""

from __future__ import annotations

from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity

LEAST = (7, 0)  # of Redis: flags of scripts. Every Valkey has them


async def check(case: Case) -> list[Finding]:
    """Look at the server's version, and whether it is one server that takes writes."""
    findings = []
    found = str(case.info.get("redis_version", ""))
    if found and _numbers(found) < LEAST:
        findings.append(
            Finding(
                code="version.old",
                severity=Severity.ERROR,
                summary=f"the broker is Redis {found}; 7.0 or newer is needed, or any Valkey",
                meaning="Older servers do not know the flags of our scripts: a full broker could not even be drained.",
                remedy="upgrade it to Valkey 8 or Redis 7",
                facts={"version": found},
            )
        )
    if case.info.get("redis_mode") == "cluster" or case.number("cluster_enabled"):
        findings.append(
            Finding(
                code="version.cluster",
                severity=Severity.ERROR,
                summary="the broker is a Redis Cluster",
                meaning="Our scripts change several queues in one step, which a cluster refuses.",
                remedy="use one primary, with replicas and Sentinel for failover",
            )
        )
    if case.info.get("role") in ("slave", "replica"):
        primary = f"{case.info.get('master_host')}:{case.info.get('master_port')}"
        findings.append(
            Finding(
                code="version.replica",
                severity=Severity.ERROR,
                summary=f"the broker is a read-only replica of {primary}",
                meaning="Nothing can be enqueued or claimed here.",
                remedy=f"point REDIS_URL at the primary, {primary}",
                facts={"primary": primary},
            )
        )
    return findings


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
