"""What a worker tells the application's error hook."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.errors import HookError
from jobctl.worker.tracebacks import text_of

if TYPE_CHECKING:
    from jobctl.worker.context import Context
    from jobctl.worker.ending import Verdict
    from jobctl.worker.run import Run


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One attempt that did not succeed.

    Attributes:
        error: the exception.
        text: its traceback, or its message where the handler's own outcome explains itself.
        outcome: ``retry`` or ``dead``.
        attempt: number of the attempt, from 1.
        max_attempts: attempts the job has in all.
        retry_in_s: seconds until the next attempt, None when dead.
        alert: the job's declaration asks for an alert on this outcome.
    """

    error: BaseException
    text: str
    outcome: str
    attempt: int
    max_attempts: int
    retry_in_s: float | None
    alert: bool


def failure_of(run: Run, verdict: Verdict) -> Failure:
    """Return what the error hook is told of an attempt."""
    from jobctl.worker.ending import wants_alert  # not at the top: children of isolated jobs need no endings

    return Failure(
        error=verdict.error,
        text=verdict.text,
        outcome=verdict.outcome,
        attempt=run.attempt,
        max_attempts=run.max_attempts,
        retry_in_s=verdict.delay_s if verdict.outcome == "retry" else None,
        alert=wants_alert(run, verdict.outcome),
    )


StateHook = Callable[[dict[str, Any]], Awaitable[None] | None]
ErrorHook = Callable[["Context", Failure], Awaitable[None] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHooks:
    """The application's functions, resolved. Each may be async or plain; a plain one runs in a thread."""

    startup: StateHook | None = None
    shutdown: StateHook | None = None
    error: ErrorHook | None = None


async def await_hook(hook: Callable[..., Any], *args: Any) -> None:
    """Call a hook: an async one in the loop, a plain one in a thread."""
    if inspect.iscoroutinefunction(hook):
        await hook(*args)
    else:
        await asyncio.to_thread(hook, *args)


async def call_startup(hook: StateHook, state: dict[str, Any]) -> None:
    """Call the startup hook.

    Raises:
        HookError: it failed.
    """
    try:
        await await_hook(hook, state)
    except Exception as error:
        name = f"{getattr(hook, '__module__', '?')}:{getattr(hook, '__qualname__', '?')}"
        said = text_of(error).strip().partition("\n")[0]
        raise HookError(
            f"the startup hook `{name}` failed: {type(error).__name__}: {said}",
            hint="a worker cannot serve without it; `jobctl --debug run` shows where it failed",
        ) from error


async def call_hook(name: str, hook: Callable[..., Any], *args: Any) -> None:
    """Call a hook whose failure must not touch the worker."""
    try:
        await await_hook(hook, *args)
    except Exception:
        log.exception("the %s hook failed", name)
