"""`jobctl wait`: until jobs have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.choosing import Choice, chooses_jobs
from jobctl_cli.flags import Output, SpecPath, duration, reads

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.errors import JobctlError
    from jobctl.records import JobRecord
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl wait 019aaf2c51e7c0d4 --timeout 5m && echo complete
    jobctl wait 'origin=* and type=mail:send'    # until all replays have ended
    jobctl wait --queue low --timeout 1h
"""


@chooses_jobs
def wait(
    ctx: typer.Context,
    *,
    asked: Choice,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="DURATION", help="Wait no longer than this", callback=reads(duration)),
    ] = None,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Wait until jobs have ended: those named, or all that match now and have not ended yet.

    Exits with 0 when all are complete, 1 when one is dead, 7 when one is cancelled and none dead, 124 when the time is
    over before the last has ended.
    """
    from jobctl_cli import session
    from jobctl_cli.deeds import require_some
    from jobctl_cli.progress import Progress
    from jobctl_cli.screens import ended
    from jobctl_cli.view import View

    env: Environment = ctx.obj
    require_some("wait", asked, "`jobctl wait --queue low` waits until the queue's jobs of now have ended")
    plan = session.find_plan(env, spec)

    async def see(redis: Redis) -> list[JobRecord | JobctlError]:
        from jobctl.client import Client
        from jobctl.compiler.plan import NOTHING
        from jobctl.inspector import Inspector
        from jobctl.inspector.deeds import Deed

        names = list(asked.keys)
        if asked.wanted is not None:
            names = [target.id for target in await Inspector(redis, plan).repair.select(Deed.WAIT, asked.wanted)]
        progress = Progress(env, "ended", len(names))
        client = Client(plan or NOTHING, redis=redis)
        try:
            return await client.wait_many(names, timeout=timeout, tell=progress.show)
        finally:
            progress.clear()
            await client.close()

    raise typer.Exit(ended.show(env, output, View(plan), session.asking(env, see)))
