"""One worker process: the event loop, the hooks, the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobctl.compiler.handlers import Handler, resolve
from jobctl.compiler.plan import Plan
from jobctl.settings import DEFAULT_CONCURRENCY, Settings
from jobctl.worker.hooks import WorkerHooks
from jobctl.worker.supervised import Limits, Line, run_supervised
from jobctl.worker.worker import Worker


def resolve_hooks(plan: Plan) -> WorkerHooks:
    """Import the functions the spec's `hooks` name.

    Raises:
        HandlerError: one cannot be imported.
    """
    named = plan.hooks
    return WorkerHooks(
        startup=resolve(named.startup) if named.startup else None,
        shutdown=resolve(named.shutdown) if named.shutdown else None,
        error=resolve(named.error) if named.error else None,
    )


def run_worker(
    plan: Plan,
    handlers: Mapping[str, Handler],
    *,
    url: str,
    settings: Settings | None = None,
    concurrency: int | None = None,
    weights: Mapping[str, int] | None = None,
    burst: bool = False,
    grace_s: float | None = None,
    run_scheduler: bool = True,
    line: Line | None = None,
    limits: Limits | None = None,
    **options: Any,
) -> int:
    """Run a worker in this process until it is stopped.

    Arguments left out come from the settings, then from the defaults; see `Worker.for_plan`.

    Args:
        line: to the supervisor of this process, if it has one.
        limits: when the supervisor is to replace this process.

    Returns:
        the process's exit code: 0 stopped as asked (also by a signal), 4 the broker stayed away.
    """
    settings = settings or Settings()
    if settings.lease_s is not None:
        options.setdefault("lease_ms", round(settings.lease_s * 1000))
    if settings.patience_s is not None:
        options.setdefault("patience_s", settings.patience_s)

    async def main() -> int:
        worker = Worker.for_plan(
            plan,
            handlers,
            url=url,
            concurrency=concurrency or settings.concurrency or DEFAULT_CONCURRENCY,
            weights=weights,
            burst=burst,
            grace_s=settings.grace_s if grace_s is None else grace_s,
            run_scheduler=run_scheduler and (line is None or line.is_scheduling),
            hooks=resolve_hooks(plan),
            **options,
        )
        return await (worker.run() if line is None else run_supervised(worker, line, limits or Limits()))

    import uvloop  # not at the top: only a worker needs it

    return uvloop.run(main())
