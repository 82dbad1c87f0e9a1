"""Jobs: a page of them at a time, by state, queue and filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from jobctl.broker.keys import job_id
from jobctl.inspector.filters import EVERYTHING, JobFilter, parse_filter, where
from jobctl.inspector.query import STATES
from jobctl.records import JobRecord, JobState
from jobctl_cli.screens.jobs import COLUMNS, row
from jobctl_cli.table import Column
from jobctl_cli.top import job_tasks
from jobctl_cli.top.feed import Feed
from jobctl_cli.top.keys import MARK, MARK_ALL, OPEN, Key
from jobctl_cli.top.tabs.base import Console, Row, Tab
from jobctl_cli.top.task import Task

MOST_ROWS = 200  # of a page, however tall the screen
EFFORT = 5_000  # entries of the indexes looked at for a page; a filter that matches little goes on with the next page
OPERATORS = "=<>~("

STATE = Key(("s",), "s", "state", "Only jobs of one state: the next one, then all again", "next_state")
NEXT_PAGE = Key(("right_square_bracket", "n"), "]", "", "The next page; also n", "next_page")
PREVIOUS_PAGE = Key(("left_square_bracket", "b"), "[", "", "The page before; also b", "previous_page")
UNFINISHED = (JobState.ACTIVE, JobState.QUEUED, JobState.RETRYING, JobState.SCHEDULED)


class JobsTab(Tab):
    """All jobs: what runs and waits first, then what has ended, newest first."""

    title: ClassVar[str] = "Jobs"
    keys: ClassVar[tuple[Key, ...]] = (
        OPEN,
        STATE,
        *job_tasks.JOB_KEYS,
        MARK,
        MARK_ALL,
        NEXT_PAGE,
        PREVIOUS_PAGE,
    )
    has_detail: ClassVar[bool] = True
    empty: ClassVar[str] = "no jobs"
    filter_hint: ClassVar[str] = "state=dead and error~timeout and age<1h, or words"

    def __init__(self, feed: Feed, console: Console) -> None:
        super().__init__(feed, console)
        self.state: JobState | None = None
        self.queue: str | None = None
        self._wanted: JobFilter = EVERYTHING
        self._words = ""
        self._found: tuple[JobRecord, ...] = ()
        self._examined = 0
        self._next: str | None = None
        self._cursors: list[str] = []  # of this page and those before it; the first page has none

    async def read(self) -> None:
        """Read the page."""
        wanted = where(state=self.state, queue=self.queue) & self._wanted
        cursor = self._cursors[-1] if self._cursors else None
        limit = min(max(self.console.rows_shown, 1), MOST_ROWS)
        page = await self.feed.inspector.page(wanted, limit=limit, cursor=cursor, effort=EFFORT)
        self._found, self._next, self._examined = page.jobs, page.cursor, page.examined
        self.marked &= {job_id(record.queue, record.key) for record in page.jobs}

    def columns(self) -> Sequence[Column]:
        """Return the columns of `jobctl inspect`."""
        return COLUMNS

    def rows(self) -> list[Row]:
        """Return a row a job of the page."""
        view, now_ms = self.feed.view, self.feed.now_ms
        return [
            Row(job_id(record.queue, record.key), row(view, view.shown(record), now_ms), record)
            for record in self._found
        ]

    def visible(self) -> list[Row]:
        """Return the rows that hold all the words; other filters have been applied at the broker."""
        words = self._words.split()
        return [row for row in self.rows() if all(word in row.text.lower() for word in words)]

    def count(self) -> int | None:
        """Return how many jobs have not ended."""
        return self._count(UNFINISHED)

    def caption(self) -> str:
        """Return state, queue, filter and page."""
        parts = [f"state {self.state}"] if self.state and self.state is not self._own_state() else []
        parts += [f"queue {self.queue}"] if self.queue else []
        parts += [f"/{self.filter}"] if self.filter else []
        parts += [f"page {len(self._cursors) + 1}"] if self._cursors else []
        if self._next is not None:
            looked = f"{self._examined:,} looked at, " if self._wanted is not EVERYTHING else ""
            parts.append(f"{looked}] for more")
        return "  ".join(parts)

    def set_filter(self, text: str) -> None:
        """Show only what matches: a filter as of `jobctl inspect`, or words that stand in the rows of the page.

        Raises:
            FilterError: the text has operators and is no filter.
        """
        is_filter = any(operator in text for operator in OPERATORS)
        self._wanted = parse_filter(text) if is_filter else EVERYTHING
        self._words = "" if is_filter else text.lower()
        self.filter = text.strip()
        self._start_over()

    def back(self) -> bool:
        """Take back the filter, else queue and state, else the paging."""
        if super().back():
            return True
        had = bool(self.queue or self._cursors or self.state is not self._own_state())
        self.queue, self.state = None, self._own_state()
        self._start_over()
        return had

    def show_queue(self, queue: str) -> None:
        """Show the jobs of one queue."""
        self.queue = queue
        self._start_over()

    def next_state(self) -> None:
        """Go to the next state, or behind the last to all."""
        states = (None, *STATES)
        self.state = states[(states.index(self.state) + 1) % len(states)]
        self._start_over()

    def next_page(self) -> None:
        """Go on where this page ends."""
        if self._next is not None:
            self._cursors.append(self._next)
            self.console.refresh_now()

    def previous_page(self) -> None:
        """Go back to the page before."""
        if self._cursors:
            self._cursors.pop()
            self.console.refresh_now()

    def replay(self, rows: list[Row]) -> Task | None:
        """Run jobs again."""
        return job_tasks.replay([row.item for row in rows])

    def cancel(self, rows: list[Row]) -> Task | None:
        """Cancel jobs."""
        return job_tasks.cancel([row.item for row in rows])

    def delete(self, rows: list[Row]) -> Task | None:
        """Delete jobs."""
        return job_tasks.delete([row.item for row in rows])

    def open(self, row: Row) -> None:
        """Show the job."""
        self.console.open_job(row.item.queue, row.item.key)

    def _own_state(self) -> JobState | None:
        return None

    def _count(self, states: Sequence[JobState]) -> int | None:
        if self.feed.overview is None:
            return None
        return sum(queue.counts[state] for queue in self.feed.overview.queues for state in states)

    def _start_over(self) -> None:
        self._cursors.clear()
        self._next = None
        self.marked.clear()
        self.console.refresh_now()


class DeadTab(JobsTab):
    """Dead jobs, the latest first."""

    title: ClassVar[str] = "Dead"
    keys: ClassVar[tuple[Key, ...]] = (
        OPEN,
        job_tasks.REPLAY,
        job_tasks.DELETE,
        MARK,
        MARK_ALL,
        NEXT_PAGE,
        PREVIOUS_PAGE,
    )
    empty: ClassVar[str] = "no dead jobs"
    filter_hint: ClassVar[str] = "type=tenant:* and error~timeout and age<1h, or words"

    def __init__(self, feed: Feed, console: Console) -> None:
        super().__init__(feed, console)
        self.state = JobState.DEAD

    def count(self) -> int | None:
        """Return how many jobs are dead."""
        return self._count((JobState.DEAD,))

    def _own_state(self) -> JobState | None:
        return JobState.DEAD
