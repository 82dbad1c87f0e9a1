"""The examination: every check, one after another; one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from jobctl.broker.connect import translate_errors
from jobctl.clock import Clock, SystemClock
from jobctl.errors import BrokerError, BrokerUnreachable
from jobctl.inspector.doctor import permissions
from jobctl.inspector.doctor.case import Case, open_case
from jobctl.inspector.doctor.finding import Finding, Report, Severity

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan

CHECKS = (
    "version", "scripting", "permissions", "eviction", "persistence", "memory", "connections", "clocks", "leases",
    "serving", "failing", "schedules", "queues", "fleet", "embedded",
)  # fmt: skip
"""Names of the modules beside this one, in the order in which they are made."""

Check = Callable[[Case], Awaitable[list[Finding]]]
_ORDER = {severity: rank for rank, severity in enumerate(Severity)}


async def examine(
    redis: Redis, plan: Plan | None = None, *, is_embedded: bool = False, clock: Clock | None = None
) -> Report:
    """Look for what is wrong with a broker and its workers. Changes nothing.

    Args:
        redis: an asyncio client that answers bytes.
        plan: the specs, if there are any.
        is_embedded: jobctl runs this broker itself.
        clock: this machine's.

    Returns:
        the findings, an unreachable broker among them.
    """
    try:
        case = await open_case(redis, plan, is_embedded=is_embedded, clock=clock or SystemClock())
    except BrokerUnreachable as error:
        return _unreachable(error)
    except BrokerError as error:
        return await _barred(redis, error)
    findings: list[Finding] = []
    sound: list[str] = []
    unknown: dict[str, str] = {}
    for name, check in load_checks().items():
        try:
            with translate_errors():
                found = await check(case)
        except BrokerUnreachable as error:
            return _unreachable(error)
        except BrokerError as error:
            unknown[name] = error.message
            continue
        findings += found
        if not found:
            sound.append(name)
    return Report(
        at_ms=case.overview.at_ms,
        broker=_software(case.info),
        findings=tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity])),
        sound=tuple(sound),
        unknown=unknown,
    )


def load_checks() -> dict[str, Check]:
    """Import the checks."""
    return {name: import_module(f"jobctl.inspector.doctor.{name}").check for name in CHECKS}


def _software(info: Mapping[str, object]) -> str:
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info['redis_version']}" if "redis_version" in info else "a broker that does not tell its version"


def _unreachable(error: BrokerError) -> Report:
    finding = Finding(
        code=error.code,
        severity=Severity.ERROR,
        summary=error.message,
        meaning="Nothing can be enqueued, and workers wait for it to come back.",
        remedy=error.hint or "start it",
    )
    return Report(at_ms=0, broker="", findings=(finding,), sound=())


async def _barred(redis: Redis, error: BrokerError) -> Report:
    """Report a broker that does not even let us read queues and workers: what else it refuses."""
    findings: list[Finding] = []
    with suppress(BrokerError), translate_errors():
        findings = await permissions.look(redis)
    barred = Finding(
        code=error.code,
        severity=Severity.ERROR,
        summary=error.message,
        meaning="Queues and workers cannot even be read; nothing else was looked at.",
        remedy=error.hint or "see the broker's log",
    )
    return Report(at_ms=0, broker="", findings=tuple(findings or [barred]), sound=())
