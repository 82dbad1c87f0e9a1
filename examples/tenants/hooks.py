"""What the worker calls around the jobs: named in `jobspecs/`."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import Any, cast

from examples.tenants.alerts import send_alert
from examples.tenants.resources import STATE_KEY, open_resources, resources_of
from jobctl import Context, Failure

_CLOSING_KEY = "tenants.closing"


async def startup(state: dict[str, Any]) -> None:
    """Open what the handlers share. A failure here stops the worker before it takes a job."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the handlers say what they have called
    async with AsyncExitStack() as opened:
        state[STATE_KEY] = await opened.enter_async_context(open_resources())
        state[_CLOSING_KEY] = opened.pop_all()


async def shutdown(state: dict[str, Any]) -> None:
    """Close it again."""
    await cast(AsyncExitStack, state.pop(_CLOSING_KEY)).aclose()


def on_error(ctx: Context, failure: Failure) -> None:
    """Log every attempt that failed, and raise the alarm where the job's `alert` asks for it."""
    facts = {
        "error": f"{type(failure.error).__name__}: {failure.error}",
        "max_attempts": failure.max_attempts,
        "outcome": failure.outcome,
        "retry_in_s": failure.retry_in_s,
    }
    ctx.log.error("task failed", extra=facts)  # its type, key and attempt are on every line of `ctx.log`
    if failure.alert:
        send_alert(resources_of(ctx.state), ctx, failure)
