"""What every tab has: a title, keys, columns, rows, and a filter over them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from jobctl_cli.table import Cell, Column
from jobctl_cli.text import harmless
from jobctl_cli.top.keys import Key

if TYPE_CHECKING:
    from jobctl_cli.top.feed import Feed

Cells = Sequence[str | Cell]


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes:
        key: tells it from the others, from one reading to the next.
        cells: as many as there are columns.
        item: what it is about.
    """

    key: str
    cells: Cells
    item: Any

    @property
    def text(self) -> str:
        """Everything in it, for a filter."""
        return " ".join(cell if isinstance(cell, str) else cell.text for cell in self.cells)


class Console(Protocol):
    """What a tab may ask of the program around it."""

    @property
    def rows_shown(self) -> int:
        """How many rows the screen has room for."""
        ...

    def open_job(self, queue: str, key: str) -> None:
        """Show a job."""
        ...

    def open_text(self, title: str, read: Callable[[], Awaitable[str]]) -> None:
        """Show a text, which is read again with every refresh."""
        ...

    def open_queue(self, queue: str) -> None:
        """Show the jobs of a queue."""
        ...

    def refresh_now(self) -> None:
        """Read everything as soon as possible."""
        ...


class Tab:
    """A tab. Subclasses read what they show and lay it out.

    Attributes:
        filter: what was typed behind `/`; "" = everything is shown.
        marked: keys of marked rows.
        width: columns of the screen that there are for a row.
    """

    title: ClassVar[str] = ""
    keys: ClassVar[tuple[Key, ...]] = ()
    empty: ClassVar[str] = ""
    filter_hint: ClassVar[str] = "words that must stand in a row"
    has_detail: ClassVar[bool] = False
    """Whether two lines below the rows show in full what a row has no room for."""
    failures: ClassVar[int] = 1
    """How many of the latest failures it needs."""

    def __init__(self, feed: Feed, console: Console) -> None:
        self.feed = feed
        self.console = console
        self.filter = ""
        self.marked: set[str] = set()
        self.width = 80

    async def read(self) -> None:
        """Read what the overview does not hold.

        Raises:
            JobctlError: the broker did not answer or refused.
        """

    def columns(self) -> Sequence[Column]:
        """Return the headings, as many as fit the width."""
        raise NotImplementedError

    def rows(self) -> list[Row]:
        """Return all rows, as last read."""
        raise NotImplementedError

    def count(self) -> int | None:
        """Return the number that stands beside the title; None = none."""
        return None

    def caption(self) -> str:
        """Return what restricts the rows, for a line above them; "" = nothing does."""
        return f"/{self.filter}" if self.filter else ""

    def visible(self) -> list[Row]:
        """Return the rows that match the filter."""
        words = self.filter.lower().split()
        return [row for row in self.rows() if all(word in row.text.lower() for word in words)]

    def set_filter(self, text: str) -> None:
        """Show only what matches; "" = everything."""
        self.filter = text.strip()

    def back(self) -> bool:
        """Take back one restriction; return whether there was one."""
        had = bool(self.filter)
        self.set_filter("")
        return had

    def detail(self, row: Row) -> str:
        """Return what the line of a row has no room for: its last cell in full."""
        last = row.cells[-1] if self.has_detail else ""
        return harmless(last if isinstance(last, str) else last.text)

    def open(self, row: Row) -> None:
        """Open a row."""
