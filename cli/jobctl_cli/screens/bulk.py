"""What became of a file of jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobctl.errors import DuplicateJob
from jobctl_cli import table
from jobctl_cli.errors import paint
from jobctl_cli.moments import iso
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import plural

if TYPE_CHECKING:
    from jobctl.client import Enqueued
    from jobctl_cli.environment import Environment

SHOWN_REFUSALS = 20


@dataclass(slots=True)
class Outcome:
    """The broker's answers so far, by line."""

    enqueued: list[tuple[int, Enqueued]] = field(default_factory=list)
    refused: list[tuple[int, DuplicateJob]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Jobs answered for."""
        return len(self.enqueued) + len(self.refused)

    def add(self, number: int, answer: Enqueued | DuplicateJob) -> None:
        """Note what became of the job of a line."""
        if isinstance(answer, DuplicateJob):
            self.refused.append((number, answer))
        else:
            self.enqueued.append((number, answer))


def show(env: Environment, output: str, outcome: Outcome) -> None:
    """Write the summary to stdout, and what was refused to stderr."""
    for number, refusal in outcome.refused[:SHOWN_REFUSALS]:
        env.note(paint(f"warning[{refusal.code}]: line {number}: {refusal.message}", env.err))
    if (left := len(outcome.refused) - SHOWN_REFUSALS) > 0:
        env.note(f"... and {plural(left, 'more refused line')}")
    emit(
        env,
        output,
        _shape(outcome),
        table=lambda: _render(env, outcome),
        names=lambda: (enqueued.key for _, enqueued in outcome.enqueued),
    )


def _shape(outcome: Outcome) -> dict[str, Any]:
    return {
        "enqueued": [
            {"line": number, "key": job.key, "type": job.type, "queue": job.queue, "due_at": iso(job.due_ms)}
            for number, job in outcome.enqueued
        ],
        "refused": [
            {"line": number, "code": refusal.code, "message": refusal.message, "holder": refusal.holder}
            for number, refusal in outcome.refused
        ],
    }


def _render(env: Environment, outcome: Outcome) -> str:
    counts = Counter((job.type, job.queue) for _, job in outcome.enqueued)
    rows: list[list[str | Cell]] = [[kind, queue, f"{count:,}"] for (kind, queue), count in sorted(counts.items())]
    if len(rows) != 1:
        rows.append([Cell("all", "bold"), "", Cell(f"{len(outcome.enqueued):,}", "bold")])
    return table.render(
        [Column("TYPE", least=8), Column("QUEUE"), Column("ENQUEUED", right=True)],
        rows,
        env.out,
        table.screen_width(env),
    )
