"""`jobctl run`: worker and scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import SpecPath, duration, one_of, reads, weights, whole_number

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl run                                   # specs of jobspecs/, 10 at once
    jobctl run --spec jobspecs/ --concurrency 50
    jobctl run --queues critical=6,default=3     # only these, so weighted
    jobctl run --burst                           # do what is due, then end
"""
LEVELS = ("debug", "info", "warning", "error")


def run(
    ctx: typer.Context,
    *,
    spec: SpecPath = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency",
            metavar="N",
            help="Jobs at once",
            show_default="$JOBCTL_CONCURRENCY, or 10",
            callback=reads(whole_number(1)),
        ),
    ] = None,
    queues: Annotated[
        str | None,
        typer.Option(
            "--queues",
            metavar="NAME=WEIGHT,...",
            help="Serve these queues only; without a weight, with the one of the spec",
            show_default="all queues of the spec",
            callback=reads(weights),
        ),
    ] = None,
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing is due and nothing runs")] = False,
    scheduler: Annotated[
        bool, typer.Option("--scheduler/--no-scheduler", help="Fire the schedules of the spec from this process")
    ] = True,
    grace: Annotated[
        float | None,
        typer.Option(
            "--grace",
            metavar="DURATION",
            help="When stopped, wait so long for running jobs, then hand them back",
            show_default="$JOBCTL_GRACE, or 25s",
            callback=reads(duration),
        ),
    ] = None,
    log_format: Annotated[
        str | None,
        typer.Option(
            "--log-format",
            metavar="FORMAT",
            help="human, json, or auto: human on a terminal",
            show_default="$JOBCTL_LOG_FORMAT, or auto",
            callback=reads(one_of("human", "json", "auto")),
        ),
    ] = None,
    log_level: Annotated[
        str,
        typer.Option("--log-level", metavar="LEVEL", help=", ".join(LEVELS), callback=reads(one_of(*LEVELS))),
    ] = "info",
) -> None:
    """Run worker and scheduler together, until stopped.

    Handlers are imported with the current folder in front of the search path. SIGTERM or Ctrl-C stops it: nothing
    new is started, running jobs get the grace time, the rest goes back to its queue. A second signal ends it at once.
    """
    from jobctl.compiler import bind, load_plan
    from jobctl_cli import logs, session
    from jobctl_cli.search_path import with_current_folder

    env: Environment = ctx.obj
    settings = env.settings
    plan = load_plan(spec or settings.spec, weights=settings.weights, strict=False)
    served = _served(queues, {queue.name: queue.weight for queue in plan.queues})  # type: ignore[arg-type]
    with_current_folder()
    handlers = bind(plan)
    logs.set_up(env, format=log_format or settings.log_format, level=log_level)
    with session.broker(env) as url:
        session.check(url)  # a worker that runs waits for its broker to come back; one that starts should say so
        from jobctl.worker import run_worker

        status = run_worker(
            plan,
            handlers,
            url=url,
            settings=settings,
            concurrency=concurrency,
            weights=served,
            burst=burst,
            grace_s=grace,
            run_scheduler=scheduler,
        )
    raise typer.Exit(status)


def _served(asked: Mapping[str, int | None] | None, declared: Mapping[str, int]) -> dict[str, int] | None:
    """Return queue -> weight of the queues asked for; None = all.

    Raises:
        UsageError: one of them is not declared.
    """
    from jobctl.errors import UsageError
    from jobctl.names import did_you_mean

    if asked is None:
        return None
    for name in asked:
        if name not in declared:
            hint = did_you_mean(name, declared) or "declared queues: " + ", ".join(declared)
            raise UsageError(f"`--queues`: no queue `{name}` is declared", code="queue.unknown", hint=hint)
    return {name: declared[name] if weight is None else weight for name, weight in asked.items()}
