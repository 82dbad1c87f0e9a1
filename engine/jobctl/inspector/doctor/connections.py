"""Connections: whether more workers and producers can connect, and how far away the broker is."""

from __future__ import annotations

from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity

TIGHT = 0.8
SLOW_MS = 50.0  # a claim takes a round trip: at 50 ms a worker makes 20 turns a second


async def check(case: Case) -> list[Finding]:
    """Look at the number of clients, at refused ones, and at the time of a round trip."""
    findings = []
    clients, limit = case.number("connected_clients"), case.number("maxclients")
    if limit is None and (told := await case.setting("maxclients")):
        limit = int(told)
    if clients and limit and clients >= TIGHT * limit:
        findings.append(
            Finding(
                code="connections.many",
                severity=Severity.WARNING,
                summary=f"{clients:,} of {limit:,} connections are taken",
                meaning="The broker refuses clients beyond that. A worker process needs up to 16.",
                remedy=f"redis-cli CONFIG SET maxclients {2 * limit}  # `redis-cli CLIENT LIST` shows who they are",
                facts={"connected_clients": clients, "maxclients": limit},
            )
        )
    if case.trip_ms > SLOW_MS:
        findings.append(
            Finding(
                code="connections.slow",
                severity=Severity.WARNING,
                summary=f"a round trip to the broker takes {case.trip_ms:.0f} ms",
                meaning="Workers as far away start jobs late, and far fewer of them.",
                remedy="run workers near the broker; if it is near, see what keeps it busy: `redis-cli SLOWLOG GET`",
                facts={"trip_ms": round(case.trip_ms, 1)},
            )
        )
    return findings
