"""`jobctl alert`: what the specs are to tell of, and a try of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.flags import Output, SpecPath, duration, reads

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.spec.model import Alert
    from jobctl_cli.environment import Environment

LIST_EXAMPLES = """
    jobctl alert list
    jobctl alert list -o json
"""
TEST_EXAMPLES = """
    jobctl alert test deaths
    jobctl alert test deaths --timeout 1m
"""


def group() -> typer.Typer:
    """Return the commands about alerts."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="List the alerts of the specs; try one.")
    app.command("list", cls=Command, epilog=LIST_EXAMPLES)(list_)
    app.command("test", cls=Command, epilog=TEST_EXAMPLES)(try_)
    return app


def list_(ctx: typer.Context, *, spec: SpecPath = None, output: Output = "table") -> None:
    """List the alerts of the specs: what they watch, where they go, when they were last told.

    Addresses are shown without what may be secret in them.
    """
    from jobctl.alerts import ledger
    from jobctl_cli import session
    from jobctl_cli.screens import alerts as screen

    env: Environment = ctx.obj
    plan = session.load_plan(env, spec)
    told = session.asking(env, lambda redis: ledger.read(redis, [alert.name for alert in plan.alerts]))
    screen.show(env, output, plan.alerts, told)


def try_(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An alert of the specs")],
    *,
    timeout: Annotated[
        str,
        typer.Option("--timeout", metavar="DURATION", help="Wait so long for its delivery", callback=reads(duration)),
    ] = "30s",
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Send a test message of an alert to all its destinations, by the same way as a real one.

    A worker delivers it. Exit code 0 if all destinations have taken it, 1 if one has not in time.
    """
    from jobctl.alerts.trial import fire
    from jobctl.records import JobState
    from jobctl_cli import session
    from jobctl_cli.exit_status import ExitStatus
    from jobctl_cli.screens import alerts as screen

    env: Environment = ctx.obj
    plan = session.load_plan(env, spec)
    alert = _find(plan, name)
    timeout_s: float = timeout  # type: ignore[assignment]  # as `duration` has read it
    jobs = session.asking(env, lambda redis: fire(redis, plan, alert, timeout_s))
    screen.show_deliveries(env, output, alert, jobs)
    if not all(job.state is JobState.COMPLETE for job in jobs):
        raise typer.Exit(ExitStatus.FAILED)


def _find(plan: Plan, name: str) -> Alert:
    from jobctl.errors import UsageError
    from jobctl.names import did_you_mean

    by_name = {alert.name: alert for alert in plan.alerts}
    if name not in by_name:
        hint = did_you_mean(name, by_name) or "declared alerts: " + (", ".join(by_name) or "none")
        raise UsageError(f"no alert `{name}` is declared", code="alert.unknown", hint=hint)
    return by_name[name]
