"""Jobs that were waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobctl.errors import JobctlError, WaitTimeout
from jobctl.records import JobState
from jobctl_cli.errors import paint, rendered
from jobctl_cli.screens import jobs
from jobctl_cli.text import plural
from jobctl_cli.waiting import ending

if TYPE_CHECKING:
    from jobctl.records import JobRecord
    from jobctl_cli.environment import Environment
    from jobctl_cli.view import View

LISTED = 50  # jobs shown to people
SHOWN_ERRORS = 20


def show(env: Environment, output: str, view: View, found: Sequence[JobRecord | JobctlError]) -> int:
    """Write the jobs that have ended to stdout, and which have not to stderr.

    Returns:
        the exit code: that of a time that was over before any other, else that of the worst outcome.
    """
    records = [each for each in found if not isinstance(each, JobctlError)]
    errors = [each for each in found if isinstance(each, JobctlError)]
    shown: Sequence[JobRecord] = records
    if output in ("table", "wide") and len(records) > LISTED:  # of very many, people want to see what went wrong
        shown = [each for each in records if each.state is not JobState.COMPLETE][:LISTED]
    if shown or not (records or (errors and output in ("table", "wide"))):
        jobs.show(env, output, view, shown)
    for error in errors[:SHOWN_ERRORS]:
        env.note(paint(rendered(error), env.err))
    if (left := len(errors) - SHOWN_ERRORS) > 0:
        env.note(f"... and {plural(left, 'more job')}")
    if len(records) > LISTED:
        counts = ", ".join(f"{sum(each.state is state for each in records):,} {state}" for state in
                           sorted({each.state for each in records}))  # fmt: skip
        env.note(f"note: {plural(len(records), 'job')} ended: {counts}")
    late = [error for error in errors if isinstance(error, WaitTimeout)]
    if late or errors:
        return (late or errors)[0].exit_code
    return ending(records)
