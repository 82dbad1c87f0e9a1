"""`jobctl logs`: the lines a job wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, SpecPath, reads, whole_number

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl logs 019aaf2c51e7c0d4
    jobctl logs 019aaf2c51e7c0d4 --follow        # until the job has ended
    jobctl logs 019aaf2c51e7c0d4 --attempt 2 -o json
"""


def logs(
    ctx: typer.Context,
    *,
    key: Annotated[str, typer.Argument(metavar="KEY", help="A job's key, QUEUE:KEY, or the id of its record")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new lines as they come")] = False,
    attempt: Annotated[
        int | None,
        typer.Option("--attempt", metavar="N", help="Only those of this attempt", callback=reads(whole_number(1))),
    ] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show secrets of the payload where a line quotes them")
    ] = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Show the lines a job wrote to the log while it ran, in all its attempts.

    They are kept with its record: the latest 200, up to 64 KiB, from the level of the worker's log on. They appear
    within a second or two. Secrets of the payload are redacted.
    """
    from jobctl.inspector import Inspector
    from jobctl.inspector.lines import Lines
    from jobctl_cli import session
    from jobctl_cli.screens import lines as screen
    from jobctl_cli.view import View

    env: Environment = ctx.obj
    view = View(session.find_plan(env, spec), reveal=reveal)

    async def ask(redis: Redis) -> None:
        job = await Inspector(redis).job(key)
        if not follow:
            screen.show(env, output, view.lines(job, await Lines(redis).of(job)), attempt)
            return
        async for found in Lines(redis).follow(job):
            screen.show_more(env, output, view.lines(job, found), attempt)

    session.asking(env, ask)
