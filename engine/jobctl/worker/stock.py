"""The same registrations for stock SAQ: `saq module.settings` runs the jobs of a spec without our worker.

Stock SAQ's worker serves one queue and knows no weights; what it can do, it does with SAQ's own numbers: attempts,
timeout, retry delay, and cron expressions (in UTC, `@every` left out with a warning). Leases, recovery and fences come
with the queue it is given, which is ours.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from saq import CronJob

from jobctl.broker.connect import open_broker
from jobctl.broker.queue import JobQueue
from jobctl.broker.record import Wire
from jobctl.compiler import load_plan
from jobctl.compiler.handlers import Handler, bind
from jobctl.compiler.plan import Plan, Schedule
from jobctl.errors import UsageError
from jobctl.names import did_you_mean
from jobctl.settings import DEFAULT_CONCURRENCY, Settings
from jobctl.spec.cron import EVERY, spell_out
from jobctl.spec.model import DEFAULT_QUEUE
from jobctl.worker.context import Context
from jobctl.worker.process import resolve_hooks

log = logging.getLogger(__name__)


def saq_settings(spec: str | Path, *, queue: str | None = None, url: str | None = None) -> dict[str, Any]:
    """Return settings for stock SAQ's worker.

    Args:
        spec: a spec file or a folder of them.
        queue: which of the spec's queues to serve; by default `default`, or the first one declared.
        url: the broker; by default what the environment says, else the folder's embedded one (until exit).

    Raises:
        SpecErrors: the spec is not valid.
        UsageError: no such queue.
    """
    plan = load_plan(spec)
    served = queue or (DEFAULT_QUEUE if DEFAULT_QUEUE in plan.queue_names else plan.queue_names[0])
    if served not in plan.queue_names:
        raise UsageError(f"no queue `{served}` is declared", hint=did_you_mean(served, plan.queue_names))
    settings = Settings.from_env()
    if url is None:
        url = settings.redis_url or _embedded(settings)
    state: dict[str, Any] = {}
    functions = {job_type: _for_saq(handler, state) for job_type, handler in bind(plan).items()}
    return {
        # SAQ's own queue damages jobs when its worker starts on a backlog (hazard A7), and loses those of a dead one
        "queue": JobQueue.from_url(url, name=served),
        "functions": list(functions.items()),
        "concurrency": settings.concurrency or DEFAULT_CONCURRENCY,
        "cron_jobs": [
            CronJob(
                function=functions[schedule.type],
                cron=expression,
                kwargs=schedule.payload or None,
                timeout=int(plan.by_type[schedule.type].timeout_s),
                retries=plan.by_type[schedule.type].attempts,
                ttl=int(plan.by_type[schedule.type].retention_s),
            )
            for schedule in plan.schedules
            if schedule.queue == served and (expression := _cron(schedule)) is not None
        ],
        "startup": _state_hook(plan, state, "startup"),
        "shutdown": _state_hook(plan, state, "shutdown"),
    }


def _embedded(settings: Settings) -> str:
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(open_broker(settings))


def _cron(schedule: Schedule) -> str | None:
    if schedule.expression.startswith(EVERY):
        log.warning("stock SAQ cannot run this schedule", extra={"schedule": schedule.id, "every": schedule.expression})
        return None
    expression = spell_out(schedule.expression)
    second, *others = expression.split()
    return expression if len(others) == 4 else " ".join([*others, second])  # SAQ has the seconds last


def _for_saq(handler: Handler, state: dict[str, Any]) -> Callable[..., Any]:
    """Wrap a handler so that SAQ's worker can call it."""

    async def call(context: dict[str, Any], /, **payload: Any) -> Any:
        job = context["job"]
        wire = Wire(
            function=job.function,
            key=job.key,
            queue=job.queue.name,
            kwargs=payload,
            retries=job.retries,
            attempts=job.attempts - 1,  # SAQ has counted this one already
            queued=job.queued,
            meta=job.meta,
        )
        ours = Context(wire, name=handler.registration.name, state=state)
        fields = handler.schema.convert(payload)
        if handler.is_async:
            return await handler.function(ours, **fields)
        return await asyncio.to_thread(handler.function, ours, **fields)

    # SAQ names functions and keys cron jobs by this; two handlers must never share it.
    call.__qualname__ = call.__name__ = handler.type
    return call


def _state_hook(plan: Plan, state: dict[str, Any], name: str) -> Callable[..., Any]:
    hook = getattr(resolve_hooks(plan), name)

    async def call(_context: Any) -> None:
        if hook is None:
            return
        answer = hook(state)
        if inspect.isawaitable(answer):
            await answer

    return call
