"""Scripting: whether the server runs our scripts."""

from __future__ import annotations

from jobctl.broker.connect import translate_errors
from jobctl.errors import BrokerError, BrokerUnreachable
from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity

TRIED = "#!lua flags=allow-oom\nreturn redis.call('TIME')[1]"


async def check(case: Case) -> list[Finding]:
    """Run a script with the flags that ours have."""
    try:
        with translate_errors():
            await case.redis.eval(TRIED, 0)  # type: ignore[misc]
    except BrokerUnreachable:
        raise
    except BrokerError as error:
        return [
            Finding(
                code="scripting.refused",
                severity=Severity.ERROR,
                summary=f"the broker does not run our scripts: {error.message}",
                meaning="Every change of a job's state is a script: nothing works.",
                remedy="allow EVAL and EVALSHA to this user; use Valkey, or Redis 7 or newer",
            )
        ]
    return []
