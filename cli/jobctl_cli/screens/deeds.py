"""What became of jobs that something was to be done to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobctl.errors import JobctlError
from jobctl.inspector import Replayed
from jobctl_cli import table
from jobctl_cli.errors import paint, rendered
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import plural

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector.deeds import Change, Deed
    from jobctl_cli.environment import Environment

LISTED = 50  # jobs shown one by one; more are counted by job and queue
SHOWN_REFUSALS = 20


def show(
    env: Environment,
    output: str,
    plan: Plan | None,
    deed: Deed,
    outcomes: Sequence[Replayed | Change],
    errors: Sequence[JobctlError],
    *,
    is_dry: bool,
) -> int:
    """Write what was done to stdout, and what was not, and why, to stderr.

    Args:
        env: where to.
        output: the form of the data.
        plan: gives jobs their names.
        deed: what was to be done.
        outcomes: what became of the jobs that were found.
        errors: why others were not.
        is_dry: nothing was done.

    Returns:
        the exit code: that of the first error, FAILED if something was refused, else OK.
    """
    done = [each for each in outcomes if each.reason is None]

    def name(kind: str) -> str:
        declared = plan.by_type.get(kind) if plan else None
        return declared.name if declared else kind

    def render() -> str:
        if not done:
            return f"nothing to {deed}" if not errors and not outcomes else ""
        width = table.screen_width(env)
        if len(done) > LISTED:
            counts = Counter((name(each.type), each.queue) for each in done)
            rows: list[list[str | Cell]] = [[job, queue, f"{count:,}"] for (job, queue), count in counts.most_common()]
            if len(rows) > 1:
                rows.append([Cell("all", "bold"), "", Cell(f"{len(done):,}", "bold")])
            counted = [Column("JOB", least=8), Column("QUEUE"), Column("JOBS", right=True)]
            return table.render(counted, rows, env.out, width)
        columns, cells = _columns(deed, is_dry=is_dry)
        return table.render(columns, [[name(each.type), each.queue, *cells(each)] for each in done], env.out, width)

    emit(
        env,
        output,
        [_shape(each, name(each.type)) for each in outcomes],
        table=render,
        names=lambda: (_name(each, is_dry=is_dry) for each in done),
    )
    _tell_refusals(env, deed, outcomes, errors)
    if is_dry and done:
        env.note(f"note: a dry run; {plural(len(done), 'job')} would be {deed.past}")
    elif len(done) > LISTED:
        env.note(f"note: {plural(len(done), 'job')} {deed.past}")
    if errors:
        return errors[0].exit_code
    return ExitStatus.FAILED if len(done) < len(outcomes) else ExitStatus.OK


def is_done(outcome: Replayed | Change) -> bool:
    """Whether a job was dealt with."""
    return outcome.reason is None


def _columns(deed: Deed, *, is_dry: bool) -> tuple[list[Column], Any]:
    head = [Column("JOB", least=8), Column("QUEUE")]
    if deed == "replay":
        columns = [*head, Column("ORIGIN"), *([] if is_dry else [Column("REPLAY")])]
        return columns, lambda each: [each.origin, *([] if is_dry else [Cell(each.key or "", "bold")])]
    columns = [*head, Column("KEY"), *([] if is_dry else [Column("NOW")])]
    return columns, lambda each: [each.key, *([] if is_dry else [Cell(each.what, "bold")])]


def _shape(outcome: Replayed | Change, job: str) -> dict[str, Any]:
    head: dict[str, Any] = {"origin": outcome.origin} if isinstance(outcome, Replayed) else {}
    facts = {"key": outcome.key, "job": job, "type": outcome.type, "queue": outcome.queue}
    if not isinstance(outcome, Replayed):
        facts["now"] = outcome.what or None
    return {**head, **facts, "reason": outcome.reason}


def _name(outcome: Replayed | Change, *, is_dry: bool) -> str:
    if isinstance(outcome, Replayed) and is_dry:
        return outcome.origin
    return outcome.key or ""


def _tell_refusals(
    env: Environment, deed: Deed, outcomes: Sequence[Replayed | Change], errors: Sequence[JobctlError]
) -> None:
    refused = [each for each in outcomes if each.reason is not None]
    for each in refused[:SHOWN_REFUSALS]:
        key = each.origin if isinstance(each, Replayed) else each.key
        env.note(paint(f"warning[job.not-{deed.past}]: {key}: {each.reason}", env.err))
    if (left := len(refused) - SHOWN_REFUSALS) > 0:
        env.note(f"... and {plural(left, 'more job')} not {deed.past}")
    for error in errors:
        env.note(paint(rendered(error), env.err))
