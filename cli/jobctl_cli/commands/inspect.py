"""`jobctl inspect`: list jobs, or show one with its whole history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.choosing import Choice, chooses_jobs
from jobctl_cli.flags import Output, SpecPath, reads, whole_number

if TYPE_CHECKING:
    from jobctl.inspector import Inspector
    from jobctl.records import JobRecord
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl inspect                               # what is there, by state
    jobctl inspect --state dead,retrying --newer 1h
    jobctl inspect 'state=dead and error~"timed out" and payload.id=7'
    jobctl inspect --type tenant:initialize --older 10m -o name
    jobctl inspect 019aaf2c51e7c0d4              # one job with its whole history
"""


@chooses_jobs
def inspect(
    ctx: typer.Context,
    *,
    asked: Choice,
    replayed: Annotated[bool, typer.Option("--replayed", help="Also dead jobs that have been replayed")] = False,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", help="Jobs at most", callback=reads(whole_number(1)))
    ] = 50,
    full: Annotated[bool, typer.Option("--full", help="With a key: the traceback of every failed attempt")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show secrets, and payloads that no spec declares")] = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """List jobs, or show one with its whole history.

    Jobs that run or wait come first, then what has ended, newest first. Several states take turns, so that a long
    backlog does not hide the one dead job. Secrets are redacted.
    """
    from jobctl.inspector import parse_filter
    from jobctl.inspector.filters import EVERYTHING
    from jobctl_cli import session
    from jobctl_cli.view import View

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    view = View(plan, reveal=reveal)
    if asked.keys:
        from jobctl_cli.screens import job

        async def read(inspector: Inspector) -> list[JobRecord]:
            return [await inspector.job(name) for name in asked.keys]

        for record in session.inspecting(env, plan, read):
            job.show(env, output, view, record, is_full=full)
        return
    from jobctl_cli.screens import jobs

    wanted = asked.wanted or EVERYTHING
    if replayed:
        wanted &= parse_filter("replayed=true,false")
    # one more than is shown tells whether there is more
    found = session.inspecting(env, plan, lambda inspector: inspector.jobs(wanted, limit=limit + 1))
    jobs.show(env, output, view, found, limit)
