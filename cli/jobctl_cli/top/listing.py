"""The rows of a tab: a cursor, marks and scrolling over lines that have been laid out to fit the width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

CURSOR = Style(reverse=True)  # is seen without colours as well


class Listing(ScrollView, can_focus=True):
    """Lines to choose from. The cursor stays on its row while the rows around it come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "jump(0)", show=False),
        Binding("end,G", "jump(-1)", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another row."""

    class Opened(Message):
        """A row was clicked twice."""

    def __init__(self) -> None:
        super().__init__(id="listing")
        self.keys: list[str] = []
        self._lines: list[Text] = []
        self.cursor = 0

    @property
    def current(self) -> str | None:
        """The key of the row under the cursor; None = there are no rows."""
        return self.keys[self.cursor] if self.keys else None

    @property
    def width(self) -> int:
        """Columns there are for a line."""
        return max(self.scrollable_content_region.width, 1)

    def show(self, keys: Sequence[str], lines: Sequence[Text]) -> None:
        """Show other rows: a key and a line each."""
        current = self.current
        self.keys, self._lines = list(keys), list(lines)
        self.cursor = self.keys.index(current) if current in self.keys else min(self.cursor, max(len(keys) - 1, 0))
        self.virtual_size = Size(self.width, len(self._lines))
        self._follow()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of the widget, as textual asks for it."""
        place = y + self.scroll_offset.y
        if place >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        line, style = self._lines[place], self.rich_style
        if place == self.cursor and self.keys:
            line, style = Text(line.plain), CURSOR
        strip = Strip(line.render(self.app.console)).adjust_cell_length(self.width)
        return strip.apply_style(style)

    def action_move(self, by: int) -> None:
        """Move the cursor by some rows."""
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful."""
        self.move_to(self.cursor + by * max(self.size.height - 1, 1))

    def action_jump(self, place: int) -> None:
        """Move the cursor to the first row, or with -1 to the last."""
        self.move_to(place % max(len(self.keys), 1))

    def move_to(self, place: int) -> None:
        """Move the cursor to a row, or as far as there are rows."""
        place = min(max(place, 0), max(len(self.keys) - 1, 0))
        if place != self.cursor:
            self.cursor = place
            self._follow()
            self.refresh()
            self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to where the mouse points; a second click opens the row."""
        place = event.y + self.scroll_offset.y
        if place < len(self.keys):
            self.move_to(place)
            if event.chain > 1:
                self.post_message(self.Opened())

    def _follow(self) -> None:
        """Scroll so that the cursor is seen."""
        height = max(self.size.height, 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            top = self.cursor
        elif self.cursor >= top + height:
            top = self.cursor - height + 1
        self.scroll_to(y=min(top, max(len(self._lines) - height, 0)), animate=False)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._follow()
