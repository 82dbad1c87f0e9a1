"""What fills the screen when a row is opened: one job, a worker, a schedule's history. Read again with each refresh."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from jobctl.broker.keys import job_id
from jobctl.errors import JobNotFound
from jobctl.inspector.detail import JobDetail
from jobctl.records import JobRecord
from jobctl_cli.screens import job as job_screen
from jobctl_cli.top import job_tasks
from jobctl_cli.top.feed import Feed
from jobctl_cli.top.keys import CLOSE, Key
from jobctl_cli.top.task import Task

FULL = Key(("f",), "f", "tracebacks", "The traceback of every attempt, or of the last only", "full")


class Page(Screen[None]):
    """A text that is read again with each refresh.

    Args:
        title: of the page.
        read: returns the text.
    """

    keys: ClassVar[tuple[Key, ...]] = (CLOSE,)

    def __init__(self, title: str, read: Callable[[], Awaitable[str]] | None = None) -> None:
        super().__init__()
        self.page_title = title
        self._read_text = read
        self._text = "reading"

    def compose(self) -> ComposeResult:
        """Lay out title, trouble, text and keys."""
        yield Static(Text(f"jobctl top  {self.page_title}", style="bold"), id="title")
        yield Static(classes="trouble")
        with VerticalScroll(id="page"):
            yield Static(id="text")
        yield Static(id="keys")

    def on_mount(self) -> None:
        """Let the arrows scroll at once."""
        self.query_one("#page").focus()

    async def read(self) -> None:
        """Read the text.

        Raises:
            JobctlError: the broker did not answer or refused.
        """
        assert self._read_text is not None  # noqa: S101 - subclasses read in their own way
        self._text = await self._read_text()

    def paint(self) -> None:
        """Show what was read."""
        self.query_one("#text", Static).update(Text.from_ansi(self._text))


class JobPage(Page):
    """One job with its whole history."""

    keys: ClassVar[tuple[Key, ...]] = (*job_tasks.JOB_KEYS, FULL, CLOSE)

    def __init__(self, feed: Feed, queue: str, key: str) -> None:
        super().__init__(f"job {key}")
        self._feed = feed
        self._job_name = job_id(queue, key)
        self._is_full = False
        self._detail: JobDetail | None = None

    async def read(self) -> None:
        """Read the job; one that is gone says so."""
        try:
            self._detail = await self._feed.inspector.detail(self._job_name)
        except JobNotFound:
            self._detail = None

    def paint(self) -> None:
        """Show the job as `jobctl inspect KEY` does."""
        self._text = "this job is gone: it was deleted, or its time of keeping is over"
        if self._detail is not None:
            self._text = job_screen.text(self._feed.env, self._feed.view, self._detail, is_full=self._is_full)
        super().paint()

    def full(self) -> None:
        """Show all tracebacks, or the last only."""
        self._is_full = not self._is_full
        self.paint()

    def replay(self) -> Task | None:
        """Run the job again."""
        return job_tasks.replay(self._records())

    def cancel(self) -> Task | None:
        """Cancel the job."""
        return job_tasks.cancel(self._records())

    def delete(self) -> Task | None:
        """Delete the job."""
        return job_tasks.delete(self._records())

    def _records(self) -> list[JobRecord]:
        return [self._detail.record] if self._detail else []
