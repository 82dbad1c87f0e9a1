"""`jobctl spec check` and `jobctl spec plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.commands import spec_check, spec_language
from jobctl_cli.flags import Output, Path, reads, whole_number

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

PLAN_EXAMPLES = """
    jobctl spec plan jobspecs/
    jobctl spec plan --times 10 -o json          # the next ten times of each schedule
"""


def group() -> typer.Typer:
    """Return the commands about specs."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="Check specs, and show what they compile to.")
    app.command("check", cls=Command, epilog=spec_check.EXAMPLES)(spec_check.check)
    app.command("plan", cls=Command, epilog=PLAN_EXAMPLES)(plan)
    app.command("new", cls=Command, epilog=spec_language.NEW_EXAMPLES)(spec_language.new)
    app.command("explain", cls=Command, epilog=spec_language.EXPLAIN_EXAMPLES)(spec_language.explain)
    app.command("schema", cls=Command, epilog=spec_language.SCHEMA_EXAMPLES)(spec_language.schema)
    return app


def plan(
    ctx: typer.Context,
    *,
    path: Path = None,
    times: Annotated[
        int, typer.Option("--times", metavar="N", help="Next times of each schedule", callback=reads(whole_number(0)))
    ] = 3,
    output: Output = "table",
) -> None:
    """Show what the specs compile to: queues, registrations, schedules.

    Queues have the share of starts their weight gives them, registrations SAQ's own numbers (`retries: 5` is 6
    attempts), schedules their next times. Weights set in the environment (JOBCTL_QUEUE_CRITICAL=6) count.
    """
    from jobctl.clock import utc
    from jobctl.compiler import load_plan
    from jobctl_cli.output import emit
    from jobctl_cli.screens import plan as screen

    env: Environment = ctx.obj
    compiled = load_plan(path or env.settings.spec, weights=env.settings.weights, strict=False)
    data = screen.shape(compiled, utc(env.clock.time()), times)
    emit(
        env,
        output,
        data,
        table=lambda: screen.render(data, env),
        names=lambda: (registration.name for registration in compiled.registrations),
    )
