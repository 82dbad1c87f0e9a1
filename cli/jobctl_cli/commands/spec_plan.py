"""`jobctl spec plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, Path, reads, whole_number

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector.compare import Comparison
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl spec plan jobspecs/                   # what would change on the broker
    jobctl spec plan -o json || echo differs
    jobctl spec plan --offline --times 10        # what it compiles to
"""
DIFFERS = 2
"""Exit code where something would change: as `diff` and `terraform plan` have it."""


def plan(
    ctx: typer.Context,
    *,
    path: Path = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Show what the specs compile to; ask no broker, always exit 0")
    ] = False,
    times: Annotated[
        int,
        typer.Option(
            "--times", metavar="N", help="With --offline: next times of each schedule", callback=reads(whole_number(0))
        ),
    ] = 3,
    output: Output = "table",
) -> None:
    """Show what the specs would change on the broker.

    The last worker that started there has left its plan; compared with it: jobs, queues and schedules that are added,
    changed or removed, schedules that would move, and waiting jobs that nobody would run any more. Nothing is changed.
    Exit code 0 if all is the same, 2 if something differs.

    With `--offline`: what the specs compile to. Queues have the share of starts their weight gives them,
    registrations SAQ's own numbers (`retries: 5` is 6 attempts), schedules their next times. Weights set in the
    environment (JOBCTL_QUEUE_CRITICAL=6) count in both.
    """
    from jobctl.clock import utc
    from jobctl.compiler import load_plan
    from jobctl_cli.output import emit
    from jobctl_cli.screens import difference
    from jobctl_cli.screens import plan as screen

    env: Environment = ctx.obj
    compiled = load_plan(path or env.settings.spec, weights=env.settings.weights, strict=False)
    if offline:
        data = screen.shape(compiled, utc(env.clock.time()), times)
        emit(
            env,
            output,
            data,
            table=lambda: screen.render(data, env),
            names=lambda: (registration.name for registration in compiled.registrations),
        )
        return
    comparison = _compared(env, compiled)
    emit(
        env,
        output,
        difference.shape(comparison, compiled.fingerprint),
        table=lambda: difference.render(comparison, env),
        names=lambda: (f"{one.kind}/{one.name}".rstrip("/") for one in comparison.difference.changes),
    )
    if not comparison.is_same:
        raise typer.Exit(DIFFERS)


def _compared(env: Environment, compiled: Plan) -> Comparison:
    from jobctl.clock import utc
    from jobctl.errors import BrokerError
    from jobctl.inspector.compare import compare
    from jobctl_cli import session

    try:
        return session.asking(env, lambda redis: compare(redis, compiled, utc(env.clock.time())))
    except BrokerError as error:
        error.hint = f"{error.hint}; " * bool(error.hint) + "`--offline` shows the plan without a broker"
        raise
