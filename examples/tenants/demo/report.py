"""What the demo shows: steps as they happen, the closing table, a letter, and what to try next."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from examples.tenants.seed import ACME
from jobctl.durations import format_elapsed
from jobctl.records import JobRecord, JobState

COLOURS = {JobState.COMPLETE: "green", JobState.DEAD: "red"}


@dataclass(frozen=True, slots=True)
class Played:
    """One job of the demo, and why it was there."""

    why: str
    record: JobRecord


class Report:
    """Writes to standard output, in colour on a terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)

    def step(self, text: str) -> None:
        """Say what is being done."""
        self._console.print(f"\n[bold]{escape(text)}[/]")

    def fact(self, text: str) -> None:
        """Say what came of it."""
        self._console.print(f"  {escape(text.rstrip())}".replace("\n", "\n  "))

    def command(self, text: str) -> None:
        """Show a command that is being run."""
        self._console.print(f"  [cyan]$ {escape(text)}[/]")

    def letter(self, letter: EmailMessage) -> None:
        """Show a letter as it arrived."""
        self._console.print("\n[bold]Received by SMTP[/]")
        head = [f"{name}: {letter[name]}" for name in ("From", "To", "Subject", "Date")]
        for line in [*head, "", *letter.get_content().splitlines()]:
            self._console.print(f"  [dim]│[/] {escape(line)}")

    def table(self, played: Sequence[Played]) -> None:
        """Show what became of every job."""
        table = Table(title="What happened", title_justify="left")
        for column in ("job", "why", "state"):
            table.add_column(column, overflow="fold")
        for column in ("attempts", "took"):
            table.add_column(column, justify="right")
        for one in played:
            record = one.record
            colour = COLOURS.get(record.state, "yellow")
            took_s = (record.completed_ms - record.enqueued_ms) / 1000
            state = f"[{colour}]{record.state}[/]"
            attempts = f"{record.attempts} of {record.max_attempts}"
            table.add_row(record.type, escape(one.why), state, attempts, format_elapsed(took_s))
        self._console.print()
        self._console.print(table)

    def next_steps(self) -> None:
        """Show commands that work on their own, without the demo's servers."""
        programs = _shown(Path(sys.executable).parent)
        self._console.print(f"""
[bold]Try next[/], with a worker of your own (its broker and database live in .jobctl/; letters go to its terminal):
  [cyan]{programs}/jobctl run --spec jobspecs/[/]                           in one terminal, Ctrl-C ends it; in another:
  [cyan]{programs}/python -m examples.tenants.seed[/]                       tenants and invitations to try it on
  [cyan]{programs}/jobctl enqueue tenant-init --help[/]                     flags made from the spec
  [cyan]{programs}/jobctl enqueue tenant-init --id {ACME} --wait[/]
  [cyan]{programs}/jobctl inspect[/]    and    [cyan]{programs}/jobctl top[/]
""")

    def closing(self, elapsed_s: float) -> None:
        """Say that all is well."""
        self._console.print(
            f"[green]Everything happened as expected[/], in {format_elapsed(elapsed_s)}; nothing is left running."
        )

    def failure(self, text: str) -> None:
        """Say what went wrong, on standard error."""
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"\n[red]The demo failed:[/] {escape(text)}")


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
