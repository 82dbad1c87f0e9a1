"""`jobctl replay`: run ended jobs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.commands.inspect import Newer, Older, Queue, State, Type
from jobctl_cli.flags import Output, SpecPath, states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobctl.errors import JobctlError
    from jobctl.inspector import Replayed
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl replay 019aaf2c51e7c0d4
    jobctl replay --state dead --type tenant:initialize --dry-run
    jobctl replay --state dead --newer 1h
"""


def replay(
    ctx: typer.Context,
    *,
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY", help="Keys of ended jobs, QUEUE:KEY, or ids of their records")
    ] = None,
    state: State = None,
    type: Type = None,
    queue: Queue = None,
    older: Older = None,
    newer: Newer = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, show what would be replayed")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replay a job by its key although it has been before")] = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Run ended jobs again: those named, or all that match.

    A replay is a new job with the payload and the options of the old one, which it names as its origin. A dead job is
    replayed once; filters leave out what has been replayed, so an interrupted replay may simply be run again.
    """
    from jobctl.errors import UsageError
    from jobctl.inspector import JobQuery
    from jobctl_cli import session
    from jobctl_cli.replaying import replay_keys
    from jobctl_cli.screens import replays as screen

    env: Environment = ctx.obj
    filters = (state, type, queue, older, newer)
    has_filter = any(value is not None for value in filters)
    if keys and has_filter:
        raise UsageError("keys and filters exclude each other", hint="name the jobs, or say which ones")
    if not keys and not has_filter:
        raise UsageError(
            "`jobctl replay` needs keys, or a filter",
            code="usage.missing",
            hint="`jobctl replay --state dead --dry-run` shows what could be replayed",
        )
    if force and not keys:
        raise UsageError("`--force` goes with keys only", hint="name the jobs that are to run once more")
    plan = session.find_plan(env, spec)
    outcome: Sequence[Replayed | JobctlError]
    if keys:
        names = keys
        outcome = session.inspecting(
            env, plan, lambda inspector: replay_keys(inspector, names, force=force, dry_run=dry_run)
        )
    else:
        query = JobQuery(states=states(state), type=type, queue=queue, older_than_s=older, newer_than_s=newer)
        outcome = session.inspecting(env, plan, lambda inspector: inspector.replay_all(query, dry_run=dry_run))
    raise typer.Exit(screen.show(env, output, plan, outcome, dry_run=dry_run))
