"""The queues: depth by state, configured against achieved share, rates and times of the last minute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from jobctl_cli.screens.top import QUEUE_COLUMNS, WIDE_COLUMNS, WIDE_QUEUE_COLUMNS, queue_row
from jobctl_cli.table import Cell, Column
from jobctl_cli.top.keys import Key
from jobctl_cli.top.spark import spark
from jobctl_cli.top.tabs.base import Row, Tab
from jobctl_cli.top.task import Task

if TYPE_CHECKING:
    from jobctl.inspector import Inspector

SPARK_COLUMNS = 18  # three minutes
SPARK_FROM = 122  # from this width on


class QueuesTab(Tab):
    """All queues of the specs, then what else ever held a job."""

    title: ClassVar[str] = "Queues"
    keys: ClassVar[tuple[Key, ...]] = (
        Key(("enter",), "Enter", "jobs", "Show the jobs of the queue", "open"),
        Key(("p",), "p", "pause/resume", "Pause the queue, or let it go on", "pause", changes=True),
    )
    empty: ClassVar[str] = "no queues yet: `jobctl enqueue` makes them"

    def columns(self) -> Sequence[Column]:
        """Return the columns; a wide screen has times and a sparkline as well."""
        columns = QUEUE_COLUMNS + (WIDE_QUEUE_COLUMNS if self.width >= WIDE_COLUMNS else ())
        return (*columns, Column("STARTS")) if self.width >= SPARK_FROM else columns

    def rows(self) -> list[Row]:
        """Return a row a queue."""
        overview = self.feed.overview
        if overview is None:
            return []
        found = []
        for queue in overview.queues:
            cells = queue_row(queue, overview.rates.get(queue.name), self.width >= WIDE_COLUMNS)
            if self.width >= SPARK_FROM:
                cells.append(Cell(spark(self.feed.history.per_s("started", [queue.name]), SPARK_COLUMNS), "green"))
            found.append(Row(queue.name, cells, queue))
        return found

    def pause(self, rows: list[Row]) -> Task:
        """Pause a queue, or resume it if it is paused."""
        queue = rows[0].item
        name = queue.name

        async def do(inspector: Inspector) -> str:
            if queue.paused:
                await inspector.resume(name)
                return f"queue {name} goes on"
            await inspector.pause(name)
            return f"queue {name} is paused: running jobs go on, no others start"

        return Task(f"{'Resume' if queue.paused else 'Pause'} queue {name}?", do)

    def open(self, row: Row) -> None:
        """Show the queue's jobs."""
        self.console.open_queue(row.key)
