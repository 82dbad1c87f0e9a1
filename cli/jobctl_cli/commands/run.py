"""`jobctl run`: worker and scheduler."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.addresses import address
from jobctl_cli.flags import SpecPath, duration, one_of, reads, size, weights, whole_number

if TYPE_CHECKING:
    from jobctl.worker.beside import Beside
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl run                                   # specs of jobspecs/, 10 at once
    jobctl run --spec jobspecs/ --concurrency 50
    jobctl run --processes 4 --max-rss 512MiB    # four workers
    jobctl run --queues critical=6,default=3     # only these, so weighted
    jobctl run --watch                           # take changed specs at once
    jobctl run --metrics-port 0.0.0.0:9485       # for Prometheus, and for probes
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
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            metavar="N",
            help="Worker processes, each with its own --concurrency; a supervisor replaces those that end",
            show_default="$JOBCTL_PROCESSES, or one without a supervisor",
            callback=reads(whole_number(1)),
        ),
    ] = None,
    max_jobs: Annotated[
        int | None,
        typer.Option(
            "--max-jobs",
            metavar="N",
            help="Replace a worker process by a fresh one after so many jobs",
            callback=reads(whole_number(1)),
        ),
    ] = None,
    max_rss: Annotated[
        int | None,
        typer.Option(
            "--max-rss",
            metavar="SIZE",
            help="Replace a worker process that uses so much memory, such as 512MiB",
            callback=reads(size),
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
    watch: Annotated[
        bool, typer.Option("--watch", help="Apply changes of the specs and handlers while running; refuse broken ones")
    ] = False,
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
    metrics_port: Annotated[
        str | None,
        typer.Option(
            "--metrics-port",
            metavar="[HOST:]PORT",
            help="Serve /metrics of the worker processes, and the probes /healthz and /readyz",
            callback=reads(address),
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

    With `--processes`, `--max-jobs` or `--max-rss` the workers run under a supervisor.
    """
    from jobctl.compiler import bind, load_plan
    from jobctl.worker.supervised import Limits, Line
    from jobctl_cli import logs, session
    from jobctl_cli.search_path import with_current_folder

    env: Environment = ctx.obj
    settings = env.settings
    line = Line.take(os.environ)
    if line is not None:
        line.hold()
    plan = load_plan(spec or settings.spec, weights=settings.weights, strict=False)
    served = _served(queues, {queue.name: queue.weight for queue in plan.queues})  # type: ignore[arg-type]
    set_up_logs = partial(logs.set_up, env, format=log_format or settings.log_format, level=log_level)
    processes = processes or settings.processes
    if line is None and (processes or max_jobs or max_rss):
        set_up_logs()
        raise typer.Exit(
            _supervise(
                env,
                processes or 1,
                settings.grace_s if grace is None else grace,
                burst=burst,
                metrics_at=metrics_port,  # type: ignore[arg-type]  # as `address` has read it
            )
        )
    with_current_folder()
    handlers = bind(plan)
    set_up_logs(child=line.number if line else None)
    with session.broker(env, is_brief=False) as url, contextlib.ExitStack() as stack:
        # A worker that runs waits for its broker to come back; one that is started should say so. One that takes
        # another's place goes on where that was.
        if line is None:
            session.check(url)
        from jobctl.alerts.watching import run as watching_alerts
        from jobctl.worker import run_worker
        from jobctl.worker.beside import together
        from jobctl_cli.monitoring import monitored
        from jobctl_cli.watching import watching

        look = partial(watching, env, spec or settings.spec, plan, partial(_served, queues))  # type: ignore[arg-type]
        beside: list[Beside] = [look(log_format=log_format or settings.log_format).run] if watch else []
        if not burst:
            beside.append(watching_alerts)
        if metrics_port is not None:
            where: tuple[str, int] = metrics_port  # type: ignore[assignment]
            beside.append(stack.enter_context(monitored(where, line, env.variables)))
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
            line=line,
            limits=Limits(jobs=max_jobs, memory=max_rss),
            beside=together(*beside) if beside else None,
        )
    raise typer.Exit(status)


def _supervise(
    env: Environment, processes: int, grace_s: float, *, burst: bool, metrics_at: tuple[str, int] | None
) -> int:
    """Run this same command line in other processes, which find in their environment that they have a supervisor."""
    from jobctl.worker.supervisor import supervise
    from jobctl_cli import session
    from jobctl_cli.monitoring import supervised

    command = [sys.executable, "-m", "jobctl_cli", *env.arguments]
    with session.broker(env, is_brief=False) as url:  # an embedded broker must outlive a worker that is replaced
        session.check(url)
        with supervised(metrics_at, processes, env.variables) as variables:
            return supervise(command, processes=processes, grace_s=grace_s, is_burst=burst, variables=variables)


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
