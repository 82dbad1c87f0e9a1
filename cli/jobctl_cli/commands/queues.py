"""`jobctl queues`: list queues, pause and resume them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.flags import Output, SpecPath

if TYPE_CHECKING:
    from jobctl.inspector import Inspector, QueueStatus
    from jobctl_cli.environment import Environment

LIST_EXAMPLES = """
    jobctl queues list
    jobctl queues list -o json
"""
PAUSE_EXAMPLES = """
    jobctl queues pause low
    jobctl queues pause low default
"""
RESUME_EXAMPLES = """
    jobctl queues resume low
"""


Names = Annotated[list[str], typer.Argument(metavar="QUEUE", help="Queues, by name")]


def group() -> typer.Typer:
    """Return the commands about queues."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="List queues; pause and resume them.")
    app.command("list", cls=Command, epilog=LIST_EXAMPLES)(list_)
    app.command("pause", cls=Command, epilog=PAUSE_EXAMPLES)(pause)
    app.command("resume", cls=Command, epilog=RESUME_EXAMPLES)(resume)
    return app


def list_(ctx: typer.Context, *, spec: SpecPath = None, output: Output = "table") -> None:
    """List the queues: what waits in them, their weights, whether they are paused."""
    from jobctl_cli import session
    from jobctl_cli.screens import queues as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    screen.show(env, output, session.inspecting(env, plan, lambda inspector: inspector.queues()))


def pause(ctx: typer.Context, names: Names, *, spec: SpecPath = None, output: Output = "table") -> None:
    """Let no worker start jobs of these queues any more; running jobs go on, producers go on.

    It holds for all workers until `jobctl queues resume`, through restarts.
    """
    _change(ctx, names, spec, output, paused=True)


def resume(ctx: typer.Context, names: Names, *, spec: SpecPath = None, output: Output = "table") -> None:
    """Let workers start jobs of these queues again."""
    _change(ctx, names, spec, output, paused=False)


def _change(ctx: typer.Context, names: list[str], spec: str | None, output: str, *, paused: bool) -> None:
    from jobctl_cli import session
    from jobctl_cli.screens import queues as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)

    async def change(inspector: Inspector) -> list[QueueStatus]:
        for name in names:
            changed = await (inspector.pause(name) if paused else inspector.resume(name))
            if not changed:
                env.note(f"note: queue `{name}` was {'paused already' if paused else 'not paused'}")
        return [queue for queue in await inspector.queues() if queue.name in names]

    screen.show(env, output, session.inspecting(env, plan, change))
