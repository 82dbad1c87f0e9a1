"""What became of jobs that were to be replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobctl.errors import JobctlError
from jobctl_cli import table
from jobctl_cli.errors import paint, rendered
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import plural

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector import Replayed
    from jobctl_cli.environment import Environment


def show(
    env: Environment, output: str, plan: Plan | None, outcome: Sequence[Replayed | JobctlError], *, dry_run: bool
) -> int:
    """Write the replays to stdout and what went wrong to stderr.

    Returns:
        the exit code: that of the first error, FAILED if matching jobs were refused, else OK.
    """
    replays = [one for one in outcome if not isinstance(one, JobctlError)]
    errors = [one for one in outcome if isinstance(one, JobctlError)]
    done = [one for one in replays if one.reason is None]

    def name(one: Replayed) -> str:
        declared = plan.by_type.get(one.type) if plan else None
        return declared.name if declared else one.type

    def render() -> str:
        if not done:
            return "nothing to replay" if not errors else ""
        columns = [Column("JOB", least=8), Column("QUEUE"), Column("ORIGIN"), Column("REPLAY")]
        if dry_run:
            columns.pop()
        rows: list[list[str | Cell]] = [
            [name(one), one.queue, one.origin, *([] if dry_run else [Cell(one.key or "", "bold")])] for one in done
        ]
        return table.render(columns, rows, env.out, table.screen_width(env))

    data: list[dict[str, Any]] = [
        {
            "origin": one.origin,
            "job": name(one),
            "type": one.type,
            "queue": one.queue,
            "key": one.key,
            "reason": one.reason,
        }
        for one in replays
    ]
    emit(env, output, data, table=render, names=lambda: (one.origin if dry_run else one.key or "" for one in done))
    for one in replays:
        if one.reason is not None:
            env.note(paint(f"warning[job.not-replayed]: {one.origin}: {one.reason}", env.err))
    for error in errors:
        env.note(paint(rendered(error), env.err))
    if dry_run and done:
        env.note(f"note: a dry run; {plural(len(done), 'job')} would be replayed")
    if errors:
        return errors[0].exit_code
    return ExitStatus.FAILED if len(done) < len(replays) else ExitStatus.OK
