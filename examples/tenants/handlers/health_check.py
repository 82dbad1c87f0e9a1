"""`health-check`: ask everything the system stands on whether it is there, and fail with what is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from examples.tenants.resources import resources_of
from jobctl import Context

CHECK_LIMIT_S = 20.0  # per part; each has its own shorter limits


class Unhealthy(Exception):
    """Some parts do not answer. The message says which, and how."""


async def check_health(ctx: Context) -> dict[str, str]:
    """Check database, broker, mail and services, all at once.

    Returns:
        part -> how long its answer took, e.g. ``{"database": "2 ms"}``.

    Raises:
        Unhealthy: parts are down; all of them are named.
    """
    resources = resources_of(ctx.state)
    checks: dict[str, Awaitable[None]] = {
        "database": asyncio.to_thread(resources.db.check),
        "broker": asyncio.to_thread(resources.check_broker),
        "mail": asyncio.to_thread(resources.mailer.check),
        **{f"service {service.name}": resources.services.check(service) for service in resources.config.services},
    }
    outcomes = await asyncio.gather(*(_timed(check) for check in checks.values()), return_exceptions=True)
    took = dict(zip(checks, outcomes, strict=True))
    down = {part: outcome for part, outcome in took.items() if isinstance(outcome, BaseException)}
    if down:
        raise Unhealthy("; ".join(f"{part} is down: {_first_line(error)}" for part, error in down.items()))
    ctx.log.info("everything is up", extra={"parts": len(took)})
    return {part: str(outcome) for part, outcome in took.items()}


async def _timed(check: Awaitable[None]) -> str:
    start_s = time.perf_counter()
    async with asyncio.timeout(CHECK_LIMIT_S):
        await check
    return f"{(time.perf_counter() - start_s) * 1000:.0f} ms"


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
