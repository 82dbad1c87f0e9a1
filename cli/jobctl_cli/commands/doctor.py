"""`jobctl doctor`: what is wrong, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from jobctl_cli.flags import Output, SpecPath

if TYPE_CHECKING:
    from jobctl.inspector.doctor.finding import Report
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl doctor
    jobctl doctor -o json                        # with the figures
    jobctl doctor || page-somebody               # exit code 1: errors or warnings
"""


def doctor(ctx: typer.Context, *, spec: SpecPath = None, output: Output = "table") -> None:
    """Look for what is wrong with the broker and the workers, and say what to do.

    It looks at the broker's version, scripts, permissions, eviction, persistence, memory and connections; at clocks,
    leases, paused, unserved and poisoned queues, overdue schedules, and workers that differ. It changes nothing.
    Exit codes: 0 nothing but notes, 1 errors or warnings, 4 no broker answers.
    """
    from jobctl_cli import session
    from jobctl_cli.screens import doctor as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)

    async def examine(url: str) -> Report:
        from jobctl.broker.connect import connect
        from jobctl.inspector.doctor.examine import examine as look

        async with connect(url) as redis:
            return await look(redis, plan, is_embedded=env.settings.redis_url is None, clock=env.clock)

    import asyncio

    with session.broker(env) as url:
        report = asyncio.run(examine(url))
    raise typer.Exit(screen.show(env, output, report))
