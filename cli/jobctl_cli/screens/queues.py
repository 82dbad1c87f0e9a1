"""Queues: a list of them, and what became of emptying one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from jobctl.durations import format_elapsed
from jobctl.records import JobState
from jobctl_cli import table
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import plural

if TYPE_CHECKING:
    from jobctl.inspector import QueueStatus
    from jobctl.inspector.emptying import Drained
    from jobctl_cli.environment import Environment

WAITING = (JobState.QUEUED, JobState.ACTIVE, JobState.RETRYING, JobState.SCHEDULED, JobState.DEAD)


def show(env: Environment, output: str, queues: Sequence[QueueStatus]) -> None:
    """Write the queues to stdout."""

    def render() -> str:
        columns = [Column("QUEUE", least=8), Column("STATE"), Column("WEIGHT", right=True), Column("SHARE", right=True)]
        columns += [Column(state.value.upper(), right=True) for state in WAITING]
        columns.append(Column("OLDEST", right=True))
        rows: list[list[str | Cell]] = [
            [
                queue.name,
                Cell("paused", "yellow") if queue.paused else "open",
                str(queue.weight) if queue.weight else "-",
                f"{queue.share:.0%}" if queue.weight else "-",
                *(str(queue.counts[state]) for state in WAITING),
                "-" if queue.oldest_wait_ms is None else format_elapsed(queue.oldest_wait_ms / 1000),
            ]
            for queue in queues
        ]
        return table.render(columns, rows, env.out, table.screen_width(env), is_dense=True)

    data: list[dict[str, Any]] = [
        {
            "name": queue.name,
            "paused": queue.paused,
            "weight": queue.weight or None,
            "share": round(queue.share, 4) if queue.weight else None,
            "counts": {state.value: queue.counts[state] for state in JobState},
            "oldest_wait_ms": queue.oldest_wait_ms,
        }
        for queue in queues
    ]
    emit(env, output, data, table=render, names=lambda: (queue.name for queue in queues))


def show_purged(env: Environment, output: str, queue: str, states: Collection[JobState], deleted: int) -> None:
    """Write how many jobs were deleted."""
    names = [state.value for state in JobState if state in states]
    data = {"queue": queue, "states": names, "deleted": deleted}
    text = f"deleted {plural(deleted, 'job')} of queue `{queue}` ({', '.join(names)})"
    emit(env, output, data, table=lambda: text, names=lambda: [queue])


def show_drained(env: Environment, output: str, queue: str, drained: Drained, *, is_paused: bool) -> ExitStatus:
    """Write whether a queue is empty; return the exit code."""
    took = format_elapsed(drained.took_s)
    data = {
        "queue": queue,
        "empty": drained.is_empty,
        "left": drained.left,
        "later": drained.later,
        "took_s": round(drained.took_s, 1),
        "paused": is_paused,
    }
    state = "empty, and paused" if is_paused else "empty" if drained.is_empty else f"not empty: {drained.left:,} left"
    emit(env, output, data, table=lambda: f"queue `{queue}` is {state} after {took}", names=lambda: [queue])
    if drained.later:
        env.note(f"note: {plural(drained.later, 'job')} of it will be due later (scheduled, or to be retried)")
    if drained.is_empty:
        return ExitStatus.OK
    env.note("warning[queue.not-empty]: the time is up; `jobctl workers list --jobs` shows what runs")
    return ExitStatus.TIMED_OUT
