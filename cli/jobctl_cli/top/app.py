"""The console: reads the broker every interval, shows one tab at a time, does what is asked and confirmed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from rich.text import Text
from textual import events, work
from textual.app import App, ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from jobctl.durations import format_elapsed
from jobctl.errors import BrokerError, JobctlError
from jobctl_cli.top import header, keys
from jobctl_cli.top.dialogs import Confirm, Help
from jobctl_cli.top.feed import Feed
from jobctl_cli.top.frame import Frame
from jobctl_cli.top.keys import Key
from jobctl_cli.top.lines import key_bar
from jobctl_cli.top.pages import JobPage, Page
from jobctl_cli.top.tabs import TABS
from jobctl_cli.top.tabs.base import Tab
from jobctl_cli.top.tabs.jobs import JobsTab
from jobctl_cli.top.tabs.queues import QueuesTab
from jobctl_cli.top.task import Task

SILENT_S = 2.0  # a broker that takes longer to answer is told of
TOLD_S = 6.0  # how long it stands on the screen what was done


class TopApp(App[None]):
    """The console.

    Args:
        feed: reads the broker.
        interval_s: seconds between two readings.
        read_only: nothing can be changed.
        where: which broker this is, for the first line; "" = there is but one.
        tab: title of the tab to begin with.
    """

    CSS_PATH = "top.tcss"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        feed: Feed,
        *,
        interval_s: float,
        read_only: bool = False,
        where: str = "",
        tab: str = QueuesTab.title,
    ) -> None:
        super().__init__(ansi_color=True)
        self.feed = feed
        self.tabs: list[Tab] = [kind(feed, self) for kind in TABS]
        self.tab = next(one for one in self.tabs if one.title == tab)
        self.read_only = read_only
        self.is_held = False
        self.trouble = ""
        self._trouble_at = self._asked_at = 0.0
        self._interval_s = interval_s
        self._where = where
        self._soon = asyncio.Event()
        self._frame = Frame(feed)

    def compose(self) -> ComposeResult:
        """Lay out the lines of the screen."""
        yield from self._frame.widgets()

    def on_mount(self) -> None:
        """Begin to read."""
        self.theme = "ansi-dark"
        self._frame.listing.focus()
        self.set_interval(1.0, self._tell_trouble)
        self._watch()

    def on_resize(self) -> None:
        """Fit everything to the new size."""
        self.call_after_refresh(self.paint)

    @property
    def rows_shown(self) -> int:
        """How many rows the screen has room for."""
        return max(self._frame.listing.size.height, 1)

    @property
    def is_reading(self) -> bool:
        """Whether the broker has been asked and has not answered yet."""
        return self._asked_at > 0

    @property
    def _page(self) -> Page | None:
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    # Reading

    @work(exclusive=True)
    async def _watch(self) -> None:
        """Read and paint, every interval or when asked; while the picture is held, only when asked."""
        while True:
            self._soon.clear()
            await self._read()
            if not self.is_running:
                return
            self.paint()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), None if self.is_held else self._interval_s)

    async def _read(self) -> None:
        self._asked_at = time.monotonic()
        try:
            await self.feed.read(self.tab.failures)
            page = self._page
            await (page.read() if page else self.tab.read())
        except BrokerError as error:
            self._trouble_at = self._trouble_at or time.monotonic()
            self.trouble = error.message
        except JobctlError as error:
            self.trouble = error.message
        else:
            if self._trouble_at:
                self.say(f"the broker answers again, after {_since(self._trouble_at)}")
            self.trouble, self._trouble_at = "", 0.0
        self._asked_at = 0.0

    def refresh_now(self) -> None:
        """Read everything as soon as possible."""
        self._soon.set()

    # Painting

    def paint(self) -> None:
        """Show what was read, and what is open."""
        width = self.size.width
        self._frame.paint(self.tabs, self.tab, self._keys_of(None), self._special(), width)
        if (page := self._page) is not None and page.is_mounted:
            page.query_one("#keys", Static).update(key_bar(self._keys_of(page), width))
            page.paint()
        self._tell_trouble()

    def _special(self) -> str:
        words = (self._where, "read-only" if self.read_only else "", "held" if self.is_held else "")
        return " ".join(word for word in words if word)

    def _tell_trouble(self) -> None:
        """Show what is wrong, or that the broker lets us wait."""
        told = header.alerts(self.feed)
        if self._trouble_at:
            told.insert(0, f"{self.trouble.rstrip('.')}; trying again since {_since(self._trouble_at)}")
        elif self.trouble:
            told.insert(0, self.trouble)
        elif self.is_reading and time.monotonic() - self._asked_at > SILENT_S:
            told.insert(0, f"the broker has not answered for {_since(self._asked_at)}")
        for screen in self.screen_stack:
            for line in screen.query(".trouble").results(Static):
                line.display = bool(told)
                line.update(Text("\n".join(told), style="bold red"))

    # Keys

    def on_key(self, event: events.Key) -> None:
        """Do what a key is for; textual's own keys (scrolling, typing) come after ours."""
        if isinstance(self.screen, ModalScreen):
            return
        if self._frame.is_typing and event.key not in (*keys.BACK.names, "ctrl+c"):
            return
        page = self._page
        key = keys.find((*self._keys_of(page), *keys.EVERYWHERE, *(() if page else keys.SILENT)), event.key)
        if key is None and event.key.isdigit():
            event.stop()
            self.action_tab(int(event.key))
        elif key is not None:
            event.stop()
            event.prevent_default()
            self.press(key)

    def press(self, key: Key) -> None:
        """Do what a key is for: the console's own, else the page's or the tab's."""
        own: Callable[[], None] | None = getattr(self, f"do_{key.action}", None)
        if own is not None:
            own()
        elif (page := self._page) is not None:
            if (task := getattr(page, key.action)()) is not None:
                self._do(task)
        elif not key.changes:
            getattr(self.tab, key.action)()
        elif rows := self._frame.chosen(self.tab):
            self._do(getattr(self.tab, key.action)(rows))

    def action_tab(self, place: int) -> None:
        """Go to a tab by its number."""
        if 1 <= place <= len(self.tabs):
            self._show(self.tabs[place - 1])

    def do_next_tab(self) -> None:
        """Go to the next tab."""
        self._show(self.tabs[(self.tabs.index(self.tab) + 1) % len(self.tabs)])

    def do_previous_tab(self) -> None:
        """Go to the tab before."""
        self._show(self.tabs[self.tabs.index(self.tab) - 1])

    def do_open(self) -> None:
        """Open the row under the cursor."""
        if (row := self._frame.current()) is not None:
            self.tab.open(row)

    def do_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on to the next."""
        listing = self._frame.listing
        if listing.current is not None:
            self.tab.marked ^= {listing.current}
            listing.action_move(1)
            self.paint()

    def do_mark_all(self) -> None:
        """Mark all rows shown, or none if all are."""
        rows = self._frame.rows
        self.tab.marked = set() if self.tab.marked >= rows.keys() else set(rows)
        self.paint()

    def do_filter(self) -> None:
        """Let a filter be typed."""
        if self._page is None:
            self._frame.open_filter(self.tab)

    def do_back(self) -> None:
        """Close what is open: the page, the line of the filter, else the tab's restrictions and marks."""
        if self._page is not None:
            self.pop_screen()
        elif self._frame.is_typing:
            self._frame.close_filter()
        elif self.tab.marked:
            self.tab.marked = set()
        elif self.tab.back():
            self.refresh_now()
        self.paint()

    def do_hold(self) -> None:
        """Hold the picture, or let it go on."""
        self.is_held = not self.is_held
        self.refresh_now()

    def do_refresh_now(self) -> None:
        """Read everything now."""
        self.refresh_now()

    def do_help(self) -> None:
        """Show all keys."""
        page = self._page
        title = "On this page" if page else self.tab.title
        notes = [] if page else [f"/ takes {self.tab.filter_hint}"]
        own = [key for key in self._keys_of(page) if key not in keys.EVERYWHERE]
        self.push_screen(Help(title, own, notes, read_only=self.read_only))

    def do_quit(self) -> None:
        """Leave."""
        self.exit()

    def on_listing_moved(self) -> None:
        """Show what belongs to the row under the cursor."""
        self._frame.paint_current(self.tab, self.size.width)

    def on_listing_opened(self) -> None:
        """Open a row that was clicked twice."""
        self.do_open()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take a filter; one that cannot be read is told of and can be mended."""
        try:
            self.tab.set_filter(event.value)
        except JobctlError as error:
            self._refuse(error)
            return
        self._frame.close_filter()
        self.refresh_now()
        self.paint()

    def _keys_of(self, page: Page | None) -> tuple[Key, ...]:
        return keys.allowed((page or self.tab).keys, read_only=self.read_only)

    # What tabs ask for

    def open_job(self, queue: str, key: str) -> None:
        """Show a job."""
        self._open(JobPage(self.feed, queue, key))

    def open_text(self, title: str, read: Callable[[], Awaitable[str]]) -> None:
        """Show a text."""
        self._open(Page(title, read))

    def open_queue(self, queue: str) -> None:
        """Show the jobs of a queue."""
        tab = next(one for one in self.tabs if type(one) is JobsTab)
        tab.show_queue(queue)
        self._show(tab)

    def _open(self, page: Page) -> None:
        self.push_screen(page)
        self.refresh_now()

    def _show(self, tab: Tab) -> None:
        if self._page is not None:
            self.pop_screen()
        if tab is not self.tab:
            self.tab = tab
            self._frame.listing.cursor = 0
        self.paint()
        self.refresh_now()

    @work
    async def _do(self, task: Task | None) -> None:
        """Ask, do it, say what became of it."""
        if task is None or not await self.push_screen_wait(Confirm(task.question)):
            return
        try:
            self.say(await task.do(self.feed.inspector))
        except JobctlError as error:
            self._refuse(error)
        self.tab.marked = set()
        self.refresh_now()

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Tell what was done, or what went wrong, for a moment."""
        self.notify(text, severity="error" if is_error else "information", timeout=TOLD_S, markup=False)

    def _refuse(self, error: JobctlError) -> None:
        self.say(f"{error.message}; {error.hint}" if error.hint else error.message, is_error=True)


def _since(at: float) -> str:
    return format_elapsed(round(time.monotonic() - at))
