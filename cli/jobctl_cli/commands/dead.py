"""`jobctl dead`: why jobs died."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, SpecPath, reads, whole_number

if TYPE_CHECKING:
    from jobctl.inspector import Inspector
    from jobctl.inspector.deaths import Deaths
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl dead
    jobctl dead --queue critical --limit 10000   # the latest 10,000 only
    jobctl dead -o json
"""


def dead(
    ctx: typer.Context,
    *,
    queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="Only this queue")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            callback=reads(whole_number(1)),
            help="Look at the latest N of each queue",
            show_default="all",
        ),
    ] = None,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Show what the dead jobs died of: how many of each type and kind of error, since when, and how to replay them.

    Errors are of one kind when they differ in numbers, ids, addresses and quoted texts only. Jobs that have been
    replayed are no longer among the dead.
    """
    from jobctl_cli import session
    from jobctl_cli.progress import Progress
    from jobctl_cli.screens import dead as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    progress = Progress(env, "looked at")

    async def ask(inspector: Inspector) -> Deaths:
        try:
            return await inspector.deaths(queue, most=limit, tell=progress.of)
        finally:
            progress.clear()

    screen.show(env, output, plan, session.inspecting(env, plan, ask))
