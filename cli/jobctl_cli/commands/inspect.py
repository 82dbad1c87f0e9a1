"""`jobctl inspect`: list jobs, or show one with its whole history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.choosing import Choice, chooses_jobs
from jobctl_cli.flags import Output, SpecPath, reads, whole_number

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl inspect                               # what is there, by state
    jobctl inspect --state dead,retrying --newer 1h
    jobctl inspect 'state=dead and error~"timed out" and payload.id=7'
    jobctl inspect --type tenant:initialize --older 10m -o name
    jobctl inspect 019aaf2c51e7c0d4              # one job with its whole history
    jobctl inspect 019aaf2c51e7c0d4 --watch
    jobctl inspect --state dead -o jsonpath='{range [*]}{.key} {.payload.id}{"\\n"}{end}'
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
    every: Annotated[bool, typer.Option("--all", help="All of them, however many")] = False,
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="CURSOR", help="Go on behind an earlier page, which told it")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it anew until it has ended; a list until Ctrl-C")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show what a filter reads: the indexes, and what is asked of the records"),
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="With a key: the traceback of every failed attempt")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show secrets, and payloads that no spec declares")] = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """List jobs, or show those named with their whole history.

    Jobs that run or wait come first, then what has ended, newest first. Several states take turns, so that a long
    backlog does not hide the one dead job. Secrets are redacted.
    """
    from jobctl_cli import looking, session
    from jobctl_cli.view import View

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    view = View(plan, reveal=reveal)
    look: looking.Look
    if asked.keys:
        look = looking.Details(env, output, view, asked.keys, is_full=full)
    elif explain:
        look = looking.Explained(env, output, asked.wanted, with_replayed=replayed)
    else:
        look = looking.Listed(
            env, output, view, asked.wanted, limit=None if every else limit, cursor=cursor, with_replayed=replayed
        )
    session.inspecting(env, plan, look.watch if watch else look.once)
