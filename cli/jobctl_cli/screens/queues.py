"""A list of queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobctl.durations import format_elapsed
from jobctl.records import JobState
from jobctl_cli import table
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl.inspector import QueueStatus
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
        return table.render(columns, rows, env.out, table.screen_width(env))

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
