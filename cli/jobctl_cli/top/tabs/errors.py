"""The latest failed attempts, gathered by job and error: what goes wrong now, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from jobctl.inspector.deaths import kind_of
from jobctl_cli.palette import OUTCOMES
from jobctl_cli.screens.top import job_name
from jobctl_cli.table import Cell, Column
from jobctl_cli.top.keys import Key
from jobctl_cli.top.tabs.base import Row, Tab

if TYPE_CHECKING:
    from jobctl.inspector import FailureLine

KEPT = 200  # failed attempts that the broker keeps a line of
COLUMNS = (
    Column("COUNT", right=True),
    Column("LAST"),
    Column("JOB", least=8),
    Column("QUEUE", least=6),
    Column("THEN"),
    Column("ERROR", least=16),
)


class ErrorsTab(Tab):
    """The latest 200 failed attempts of all workers; errors are told apart as by `jobctl dead`."""

    title: ClassVar[str] = "Errors"
    keys: ClassVar[tuple[Key, ...]] = (Key(("enter",), "Enter", "latest", "Open the job that failed so last", "open"),)
    has_detail: ClassVar[bool] = True
    empty: ClassVar[str] = "no failures"
    failures: ClassVar[int] = KEPT

    def columns(self) -> Sequence[Column]:
        """Return the columns."""
        return COLUMNS

    def rows(self) -> list[Row]:
        """Return a row a job and error, the one that happened last first."""
        groups: dict[tuple[str, str, str], list[FailureLine]] = {}
        for failure in self.feed.overview.failures if self.feed.overview else ():
            groups.setdefault((failure.type, *kind_of(failure.error)), []).append(failure)
        return [self._row(" ".join(kind), failures) for kind, failures in groups.items()]

    def open(self, row: Row) -> None:
        """Show the latest of these jobs."""
        self.console.open_job(row.item.queue, row.item.key)

    def _row(self, key: str, failures: Sequence[FailureLine]) -> Row:
        latest = failures[0]
        at = datetime.fromtimestamp(latest.at_ms / 1000).astimezone()
        cells = (
            str(len(failures)),
            f"{at:%H:%M:%S}",
            job_name(self.feed.plan, latest.type),
            latest.queue,
            Cell(latest.outcome, OUTCOMES.get(latest.outcome, "")),
            latest.error,
        )
        return Row(key, cells, latest)
