"""The schedules: next and last ticks, what became of them, what is overdue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from jobctl_cli.screens.cron import COLUMNS, history_text, row
from jobctl_cli.screens.top import WIDE_COLUMNS
from jobctl_cli.table import Column
from jobctl_cli.top.keys import Key
from jobctl_cli.top.tabs.base import Row, Tab
from jobctl_cli.top.task import Task

if TYPE_CHECKING:
    from jobctl.inspector import Inspector, ScheduleStatus

T = TypeVar("T")
NARROW_WITHOUT = ("TIMEZONE", "DRIFT")
HISTORY = 50  # ticks shown of a schedule


class SchedulesTab(Tab):
    """The schedules of the specs, then what else the broker knows."""

    title: ClassVar[str] = "Schedules"
    keys: ClassVar[tuple[Key, ...]] = (
        Key(("enter",), "Enter", "history", "Show the latest ticks of the schedule", "open"),
        Key(("p",), "p", "pause/resume", "Pause the schedule, or let it go on", "pause", changes=True),
        Key(("t",), "t", "run now", "Run the schedule's job now", "run_now", changes=True),
    )
    empty: ClassVar[str] = "no schedules: a job with `cron` in its spec has one"

    _found: Sequence[ScheduleStatus] = ()

    async def read(self) -> None:
        """Read all schedules."""
        self._found = await self.feed.inspector.schedules.statuses()

    def columns(self) -> Sequence[Column]:
        """Return the columns of `jobctl cron list`; a narrow screen has no room for two of them."""
        return self._fitting(COLUMNS)

    def rows(self) -> list[Row]:
        """Return a row a schedule."""
        return [Row(one.schedule.id, self._fitting(row(one)), one) for one in self._found]

    def _fitting(self, cells: Sequence[T]) -> list[T]:
        spare = () if self.width >= WIDE_COLUMNS else NARROW_WITHOUT
        return [cell for place, cell in enumerate(cells) if COLUMNS[place].title not in spare]

    def pause(self, rows: list[Row]) -> Task:
        """Pause a schedule, or resume it if it is paused."""
        name, paused = rows[0].key, rows[0].item.state == "paused"

        async def do(inspector: Inspector) -> str:
            if paused:
                await inspector.schedules.resume(name)
                return f"schedule {name} goes on"
            await inspector.schedules.pause(name)
            return f"schedule {name} is paused: its ticks make no jobs"

        return Task(f"{'Resume' if paused else 'Pause'} schedule {name}?", do)

    def run_now(self, rows: list[Row]) -> Task:
        """Run a schedule's job now."""
        name = rows[0].key

        async def do(inspector: Inspector) -> str:
            filled = await inspector.schedules.run(name)
            if filled.answer != "stored":
                return f"schedule {name} was not run: the earlier run has not ended"
            return f"schedule {name} runs as job {filled.key}"

        return Task(f"Run schedule {name} now?", do)

    def open(self, row: Row) -> None:
        """Show the latest ticks."""
        name = row.key

        async def read() -> str:
            runs = await self.feed.inspector.schedules.history(name, limit=HISTORY)
            return history_text(self.feed.env, runs, None)

        self.console.open_text(f"schedule {name}", read)
