"""A list of jobs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobctl.durations import format_elapsed
from jobctl.records import JobRecord, JobState
from jobctl_cli import table
from jobctl_cli.moments import ago, until
from jobctl_cli.output import emit
from jobctl_cli.palette import STATES
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import gist

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment
    from jobctl_cli.view import View

COLUMNS = (
    Column("KEY"),
    Column("JOB", least=8),
    Column("QUEUE", least=8),
    Column("STATE"),
    Column("TRIED", right=True),
    Column("AGE", right=True),
    Column("NOTE", least=12),
)


WIDE = (
    *COLUMNS[:6],
    Column("WAITED", right=True),
    Column("RAN", right=True),
    Column("WORKER"),
    Column("TAGS"),
    Column("PAYLOAD"),
    COLUMNS[6],
)


def show(env: Environment, output: str, view: View, records: Sequence[JobRecord]) -> None:
    """Write jobs in the form asked for."""
    now_ms = env.clock.time() * 1000

    def render() -> str:
        rows = [row(view, view.shown(record), now_ms) for record in records]
        return table.render(COLUMNS, rows, env.out, table.screen_width(env), is_dense=True) if rows else "no jobs"

    def render_wide() -> str:
        rows = [_wide_row(view, record, now_ms) for record in records]
        return table.render(WIDE, rows, env.out, None) if rows else "no jobs"

    emit(
        env,
        output,
        [view.shape(record) for record in records],
        table=render,
        wide=render_wide,
        names=lambda: (record.key for record in records),
    )


def row(view: View, record: JobRecord, now_ms: float) -> list[str | Cell]:
    """Return the cells of a job, as it may be shown."""
    moment_ms = record.enqueued_ms
    if record.state.is_final:
        moment_ms = record.completed_ms or record.touched_ms
    elif record.state is JobState.ACTIVE:
        moment_ms = record.started_ms
    running = record.state is JobState.ACTIVE
    return [
        record.key,
        view.name(record),
        record.queue,
        Cell(record.state, STATES[record.state]),
        f"{record.attempts + running}/{record.max_attempts}",
        ago(moment_ms, now_ms),
        note(record, now_ms),
    ]


def _wide_row(view: View, record: JobRecord, now_ms: float) -> list[str | Cell]:
    shown = view.shown(record)
    *head, told = row(view, shown, now_ms)
    payload = "(hidden)" if view.hides_payload(record) else json.dumps(shown.payload, ensure_ascii=False, default=str)
    times = [_elapsed(shown.wait_ms), _elapsed(shown.run_ms)]
    return [*head, *times, shown.worker or "", ",".join(view.tags(shown)), payload, told]


def _elapsed(ms: int | None) -> str:
    return "" if ms is None else format_elapsed(ms / 1000)


def note(record: JobRecord, now_ms: float) -> str:
    """Return the most telling fact about a job, on one line."""
    failed = record.error or (record.history[-1].error if record.history else "") or ""
    match record.state:
        case JobState.SCHEDULED:
            return until(record.due_ms, now_ms)
        case JobState.RETRYING:
            return f"{until(record.due_ms, now_ms)}: {gist(failed)}".removesuffix(": ")
        case JobState.ACTIVE:
            return f"{record.progress:.0%}" if record.progress else ""
        case JobState.COMPLETE:
            return f"ran {format_elapsed(record.run_ms / 1000)}" if record.run_ms is not None else ""
        case JobState.DEAD:
            replayed = f"replayed as {record.replays[-1]}: " if record.replays else ""
            return replayed + gist(failed)
        case JobState.CANCELLED:
            return gist(failed)
    return f"replay of {record.origin}" if record.origin else ""
