"""The main screen: its lines, and how a tab is shown on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Input, Static

from jobctl_cli.top import header
from jobctl_cli.top.feed import Feed
from jobctl_cli.top.keys import Key
from jobctl_cli.top.lines import key_bar, lay_out
from jobctl_cli.top.listing import Listing
from jobctl_cli.top.tabs.base import Row, Tab
from jobctl_cli.top.tabs.queues import QueuesTab

DETAIL_FROM = 20  # lines of a screen that has room for two more


class Frame:
    """The widgets of the main screen, from top to bottom.

    Attributes:
        listing: the rows.
        rows: what they are about, by their keys, as last painted.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._headline, self._rates, self._tabs, self._caption, self._heading, self._detail, self._keys = (
            Static(id=name) for name in ("headline", "rates", "tabs", "caption", "heading", "detail", "keys")
        )
        self._filter = Input(id="filter")
        self.listing = Listing()
        self.rows: dict[str, Row] = {}

    def widgets(self) -> Iterator[Widget]:
        """Yield the widgets in their order."""
        yield self._headline
        yield self._rates
        yield Static(classes="trouble")
        yield self._tabs
        yield self._caption
        yield self._heading
        yield self.listing
        yield self._detail
        yield self._filter
        yield self._keys

    def paint(self, tabs: Sequence[Tab], tab: Tab, keys: Sequence[Key], special: str, width: int) -> None:
        """Show a tab.

        Args:
            tabs: all of them.
            tab: the one that is open.
            keys: what it may be told to do.
            special: for the first line: context, read-only, held.
            width: columns of the screen.
        """
        tab.width = self.listing.width
        rows = tab.visible()
        self.rows = {row.key: row for row in rows}
        heading, lines = lay_out(tab.columns(), rows, tab.marked, self._feed.env.out, tab.width)
        if not rows:
            lines = [Text("nothing matches" if tab.filter else tab.empty, style="dim")]
        self.listing.show([row.key for row in rows], lines)
        self._heading.update(heading)
        self._caption.display = bool(text := tab.caption())
        self._caption.update(Text(text, style="yellow"))
        self._tabs.update(header.tab_line(tabs, tab, width))
        self._headline.update(header.headline(self._feed, special, width))
        self._keys.update(key_bar(keys, width))
        self._detail.display = tab.has_detail and self._headline.app.size.height >= DETAIL_FROM
        self.paint_current(tab, width)

    def paint_current(self, tab: Tab, width: int) -> None:
        """Show what belongs to the row under the cursor: in full what its line has no room for, and the sparklines.

        They are of the queue under the cursor where there are queues, else of all.
        """
        row = self.current()
        self._detail.update(Text(tab.detail(row) if row else "", style="dim"))
        queue = self.listing.current if isinstance(tab, QueuesTab) else None
        self._rates.update(header.rates(self._feed, queue, width))

    def current(self) -> Row | None:
        """Return the row under the cursor."""
        return self.rows.get(self.listing.current or "")

    def chosen(self, tab: Tab) -> list[Row]:
        """Return the marked rows, or else the one under the cursor."""
        marked = [row for key, row in self.rows.items() if key in tab.marked]
        current = self.current()
        return marked or ([current] if current else [])

    @property
    def is_typing(self) -> bool:
        """Whether a filter is being typed."""
        return self._filter.has_focus

    def open_filter(self, tab: Tab) -> None:
        """Let a filter be typed."""
        self._filter.placeholder = f"filter: {tab.filter_hint}"
        self._filter.value = tab.filter
        self._filter.display = True
        self._filter.focus()

    def close_filter(self) -> None:
        """Go back to the rows."""
        self._filter.display = False
        self.listing.focus()
