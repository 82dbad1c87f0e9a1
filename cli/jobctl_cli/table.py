"""Tables without lines: columns under headings, fitted to the screen, whole in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobctl_cli import text

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment
    from jobctl_cli.palette import Palette


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: heading, in capitals.
        right: numbers stand at the right.
        least: columns it keeps when the screen is narrow; 0 = it does not give way.
    """

    title: str
    right: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A text with a style of the palette."""

    text: str
    style: str = ""


def render(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str | Cell]],
    palette: Palette,
    width: int | None,
    *,
    is_dense: bool = False,
) -> str:
    """Return the table as lines without a final newline.

    Args:
        columns: the headings.
        rows: as many cells each as there are columns; texts are made harmless here.
        palette: of the stream it goes to.
        width: columns of the screen, or None for as wide as it is. Columns that may give way do, the widest first.
        is_dense: before columns give way, the gaps between them do.
    """
    cells = [
        [Cell(text.harmless(c)) if isinstance(c, str) else Cell(text.harmless(c.text), c.style) for c in row]
        for row in rows
    ]
    widths = [
        max(text.columns(column.title), *(text.columns(row[n].text) for row in cells), 0)
        for n, column in enumerate(columns)
    ]
    gap = 2
    if width is not None:
        if is_dense and sum(widths) + gap * (len(columns) - 1) > width:
            gap = 1
        _shrink(widths, columns, width - gap * (len(columns) - 1))
    heading = _line([Cell(column.title, "bold") for column in columns], columns, widths, palette, gap)
    return "\n".join([heading, *(_line(row, columns, widths, palette, gap) for row in cells)])


def screen_width(env: Environment) -> int | None:
    """Return the width tables of stdout must fit, or None where it goes into a file or pipe."""
    return env.size[0] if env.is_screen else None


def _shrink(widths: list[int], columns: Sequence[Column], room: int) -> None:
    excess = sum(widths) - room
    while excess > 0:
        yielding = [n for n, column in enumerate(columns) if column.least and widths[n] > column.least]
        if not yielding:
            return
        widest = max(yielding, key=lambda n: widths[n] - columns[n].least)
        widths[widest] -= 1
        excess -= 1


def _line(cells: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], palette: Palette, gap: int) -> str:
    parts = []
    for n, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True)):
        shown = text.clip(cell.text, width)
        is_last = n == len(columns) - 1
        padded = shown if is_last and not column.right else text.pad(shown, width, right=column.right)
        parts.append(padded.replace(shown, palette(cell.style, shown), 1) if shown else padded)
    return (" " * gap).join(parts).rstrip()
