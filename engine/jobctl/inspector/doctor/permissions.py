"""Permissions: whether the broker's user may do all that is needed, by trying it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobctl.broker.permissions import RULES, refusals
from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity

if TYPE_CHECKING:
    from redis.asyncio import Redis


async def check(case: Case) -> list[Finding]:
    """Try every command that we send."""
    return await look(case.redis)


async def look(redis: Redis) -> list[Finding]:
    """Try every command that we send, for a user who may not even read queues."""
    refused = await refusals(redis)
    if not refused:
        return []
    commands = sorted({one.command for one in refused})
    spaces = sorted({one.namespace for one in refused})
    shown = ", ".join(commands[:6]) + (f" and {len(commands) - 6} more" if len(commands) > 6 else "")
    return [
        Finding(
            code="permissions.refused",
            severity=Severity.ERROR,
            summary=f"the broker's user may not do what is needed on {' and '.join(spaces)}: {shown}",
            meaning="Workers or producers fail where they come to it.",
            remedy=f"redis-cli ACL SETUSER NAME {RULES}",
            facts={"commands": commands, "namespaces": spaces, "reason": refused[0].reason},
        )
    ]
