"""Memory: how much room the broker has left."""

from __future__ import annotations

from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity

TIGHT = 0.75
FULL = 0.9


async def check(case: Case) -> list[Finding]:
    """Compare what is used with `maxmemory`, or where there is none with the machine's memory."""
    limit = case.number("maxmemory") or 0
    total = case.number("total_system_memory") or 0
    used = case.number("used_memory" if limit else "used_memory_rss") or 0
    most = limit or total
    if not most or used < TIGHT * most:
        return []
    share = used / most
    of = "its `maxmemory`" if limit else "its machine's memory, and has no `maxmemory`"
    meaning = (
        "When it is full it refuses new jobs; workers go on and drain it."
        if limit
        else "When the machine has none left, the kernel kills the broker."
    )
    return [
        Finding(
            code="memory.full" if share >= FULL else "memory.tight",
            severity=Severity.ERROR if share >= FULL else Severity.WARNING,
            summary=f"the broker uses {_mib(used)} of {_mib(most)} ({share:.0%}) of {of}",
            meaning=meaning,
            remedy="jobctl queues list  # what fills it? Then purge, shorten retentions, or raise the limit",
            facts={"used_bytes": used, "limit_bytes": most},
        )
    ]


def _mib(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"
