"""Persistence: what of the jobs outlives a restart of the broker."""

from __future__ import annotations

from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity

APPEND = "redis-cli CONFIG SET appendonly yes  # and the same in its configuration file"


async def check(case: Case) -> list[Finding]:
    """Look at the append-only file, the snapshots, and whether writing them works."""
    if "aof_enabled" not in case.info:
        return []
    findings = _broken(case)
    if case.number("aof_enabled"):
        return findings
    saves = await case.setting("save")
    if saves:
        findings.append(
            Finding(
                code="persistence.snapshots",
                severity=Severity.WARNING,
                summary=f"the broker writes snapshots only (`save {saves}`), no append-only file",
                meaning="A crash of the broker loses every job since the last snapshot, and runs ended ones again.",
                remedy=APPEND,
                facts={"save": saves},
            )
        )
    elif saves is not None:
        findings.append(
            Finding(
                code="persistence.none",
                severity=Severity.ERROR,
                summary="the broker writes nothing to disk: neither an append-only file nor snapshots",
                meaning="A restart of the broker loses every job, schedule and dead job.",
                remedy=APPEND,
            )
        )
    return findings


def _broken(case: Case) -> list[Finding]:
    names = {
        "aof_last_write_status": "the append-only file",
        "aof_last_bgrewrite_status": "the rewrite of the append-only file",
        "rdb_last_bgsave_status": "the last snapshot",
    }
    return [
        Finding(
            code="persistence.failing",
            severity=Severity.ERROR,
            summary=f"the broker could not write {what}",
            meaning="Most likely its disk is full or not writable; with its default settings it refuses writes then.",
            remedy="free space where it writes: `redis-cli CONFIG GET dir`, then its log",
            facts={name: case.info[name]},
        )
        for name, what in names.items()
        if case.info.get(name) not in (None, "ok")
    ]
