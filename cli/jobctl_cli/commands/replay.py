"""`jobctl replay`: run ended jobs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.choosing import Chosen, Newer, Older, Queue, State, Type, choice
from jobctl_cli.flags import Output, SpecPath

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
    chosen: Chosen = None,
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
    from jobctl_cli import session
    from jobctl_cli.replaying import replay_keys
    from jobctl_cli.screens import replays as screen

    env: Environment = ctx.obj
    asked = choice(chosen, {"--state": state, "--type": type, "--queue": queue, "--older": older, "--newer": newer})
    if not asked.keys and asked.wanted is None:
        raise UsageError(
            "`jobctl replay` needs keys, or a filter",
            code="usage.missing",
            hint="`jobctl replay --state dead --dry-run` shows what could be replayed",
        )
    if force and not asked.keys:
        raise UsageError("`--force` goes with keys only", hint="name the jobs that are to run once more")
    plan = session.find_plan(env, spec)
    outcome: Sequence[Replayed | JobctlError]
    if asked.keys:
        outcome = session.inspecting(
            env, plan, lambda inspector: replay_keys(inspector, asked.keys, force=force, dry_run=dry_run)
        )
    else:
        outcome = session.inspecting(env, plan, lambda inspector: inspector.replay_all(asked.wanted, dry_run=dry_run))
    raise typer.Exit(screen.show(env, output, plan, outcome, dry_run=dry_run))
