"""A job that has just been enqueued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobctl_cli import table
from jobctl_cli.moments import iso, until
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl.client import Enqueued
    from jobctl_cli.environment import Environment


def shape(job: str, enqueued: Enqueued) -> dict[str, Any]:
    """Return it as plain data."""
    return {
        "key": enqueued.key,
        "job": job,
        "type": enqueued.type,
        "queue": enqueued.queue,
        "due_at": iso(enqueued.due_ms),
    }


def show(env: Environment, output: str, job: str, enqueued: Enqueued) -> None:
    """Write it in the form asked for."""

    def render() -> str:
        due = until(enqueued.due_ms, env.clock.time() * 1000) if enqueued.due_ms else "now"
        return table.render(
            [Column("KEY"), Column("JOB", least=8), Column("QUEUE"), Column("DUE")],
            [[Cell(enqueued.key, "bold"), job, enqueued.queue, due]],
            env.out,
            table.screen_width(env),
        )

    emit(env, output, shape(job, enqueued), table=render, names=lambda: [enqueued.key])
