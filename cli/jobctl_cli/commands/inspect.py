"""`jobctl inspect`: list jobs, or show one with its whole history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, SpecPath, reads, state_names, states, suggests, whole_number
from jobctl_cli.flags import duration as read_duration
from jobctl_cli.view import STATE_NAMES

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl inspect                               # what is there, by state
    jobctl inspect --state dead,retrying --newer 1h
    jobctl inspect --type tenant:initialize --older 10m -o name
    jobctl inspect 019aaf2c51e7c0d4              # one job with its whole history
"""

State = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE,...",
        help=f"In these states: {', '.join(STATE_NAMES)}; may be repeated",
        callback=suggests(STATE_NAMES, reads(state_names)),
    ),
]
Type = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Of this type, or of the job of this name")]
Queue = Annotated[str | None, typer.Option("--queue", metavar="NAME", help="In this queue")]
Older = Annotated[
    float | None,
    typer.Option(
        "--older",
        metavar="DURATION",
        help="At least so old: since its end, start or enqueue",
        callback=reads(read_duration),
    ),
]
Newer = Annotated[
    float | None, typer.Option("--newer", metavar="DURATION", help="At most so old", callback=reads(read_duration))
]


def inspect(
    ctx: typer.Context,
    *,
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="A job's key, QUEUE:KEY, or the id of its record")
    ] = None,
    state: State = None,
    type: Type = None,
    queue: Queue = None,
    older: Older = None,
    newer: Newer = None,
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
    from jobctl.errors import UsageError
    from jobctl.inspector import JobQuery
    from jobctl_cli import session
    from jobctl_cli.view import View

    env: Environment = ctx.obj
    chosen = {"--state": state, "--type": type, "--queue": queue, "--older": older, "--newer": newer}
    if key is not None and any(value is not None for value in chosen.values()):
        names = ", ".join(f"`{name}`" for name, value in chosen.items() if value is not None)
        raise UsageError(f"a key and {names} exclude each other", hint="give a key, or say which jobs to list")
    plan = session.find_plan(env, spec)
    view = View(plan, reveal=reveal)
    if key is not None:
        from jobctl_cli.screens import job

        name = key
        record = session.inspecting(env, plan, lambda inspector: inspector.job(name))
        job.show(env, output, view, record, is_full=full)
        return
    from jobctl_cli.screens import jobs

    query = JobQuery(
        states=states(state), type=type, queue=queue, older_than_s=older, newer_than_s=newer, replayed=replayed
    )
    # one more than is shown tells whether there is more
    found = session.inspecting(env, plan, lambda inspector: inspector.jobs(query, limit=limit + 1))
    jobs.show(env, output, view, found, limit)
