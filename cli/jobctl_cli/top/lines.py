"""Rows and keys as lines of text that fit the width."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from jobctl_cli import table
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import columns
from jobctl_cli.top.keys import CLOSE, FILTER, HELP, QUIT, Key

if TYPE_CHECKING:
    from jobctl_cli.palette import Palette
    from jobctl_cli.top.tabs.base import Row

MARK = Cell("*", "bold yellow")
GAP = "  "


def lay_out(
    headings: Sequence[Column], rows: Sequence[Row], marked: Collection[str], palette: Palette, width: int
) -> tuple[Text, list[Text]]:
    """Return the heading and a line a row; where any is marked, there is a column for the marks."""
    cells: list[Sequence[str | Cell]] = [row.cells for row in rows]
    if marked:
        headings = (Column(""), *headings)
        cells = [(MARK if row.key in marked else "", *row.cells) for row in rows]
    heading, *lines = table.render(headings, cells, palette, width, is_dense=True).split("\n")
    return _line(heading), [_line(line) for line in lines]


def key_bar(keys: Sequence[Key], width: int) -> Text:
    """Return the keys for the bottom of the screen, as many as fit; help and the way out are always among them."""
    last = (*(() if CLOSE in keys else (FILTER,)), HELP, QUIT)
    most = [key for key in keys if key.label]
    line = Text(no_wrap=True, overflow="crop")
    tail = sum(_width(key) for key in last)
    for key in most:
        if columns(line.plain) + _width(key) + tail <= width + len(GAP):
            _append(line, key)
    for key in last:
        _append(line, key)
    return line


def _append(line: Text, key: Key) -> None:
    line.append(key.shown, style="bold").append(f" {key.label}", style="dim").append(GAP)


def _width(key: Key) -> int:
    return columns(f"{key.shown} {key.label}{GAP}")


def _line(text: str) -> Text:
    return Text.from_ansi(text, no_wrap=True, overflow="crop")
