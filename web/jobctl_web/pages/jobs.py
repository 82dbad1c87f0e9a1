"""Jobs by state and filter, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jobctl.errors import UsageError
from jobctl.inspector.filters import EVERYTHING, FilterError, JobFilter, parse_filter, where
from jobctl.inspector.query import STATES
from jobctl.inspector.query import Page as Found
from jobctl.records import JobRecord, JobState
from jobctl_web.console import Console
from jobctl_web.display import address, hides_payload, job_name, shown
from jobctl_web.page import Ask, Page

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan

SIZES = (25, 50, 100, 250)
DEFAULT_SIZE = 50
EFFORT = 2_000  # entries looked at in one go: others are served in between
SEARCH_S = 0.4  # how long a page looks for rare jobs; the next page goes on where it stopped


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job in a list."""

    record: JobRecord
    name: str
    address: str
    hides_payload: bool

    @classmethod
    def of(cls, plan: Plan | None, record: JobRecord) -> JobLine:
        """Return a job as it may be shown."""
        return cls(shown(plan, record), job_name(plan, record.type), address(record), hides_payload(plan, record))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which jobs a reader wants to see, as it stands in the address.

    Attributes:
        text: a filter in the language of `jobctl inspect`.
        state: a tab, or "" for all.
    """

    text: str
    state: str
    queue: str
    size: int

    @classmethod
    def of(cls, ask: Ask) -> Chosen:
        """Read it from an address; what cannot be meant counts as not given."""
        state, size = ask.query.get("state", ""), ask.query.get("size", "")
        return cls(
            text=ask.query.get("q", "").strip(),
            state=state if state in list(JobState) else "",
            queue=ask.query.get("queue", ""),
            size=int(size) if size.isdigit() and int(size) in SIZES else DEFAULT_SIZE,
        )

    def filter(self) -> JobFilter:
        """Return the whole filter.

        Raises:
            FilterError: the text is none.
        """
        chosen = parse_filter(self.text) if self.text else EVERYTHING
        return chosen & where(state=self.state or None, queue=self.queue or None)

    def address(self, **changes: str | int) -> str:
        """Return the address of the same list with something changed."""
        values = {"q": self.text, "state": self.state, "queue": self.queue, "size": self.size} | changes
        given = {name: value for name, value in values.items() if value and (name, value) != ("size", DEFAULT_SIZE)}
        return f"/jobs?{urlencode(given)}" if given else "/jobs"


async def load(console: Console, ask: Ask) -> dict[str, Any]:
    """Read one page of jobs."""
    chosen = Chosen.of(ask)
    cursor = ask.query.get("cursor")
    found, problem, wanted = Found(jobs=()), None, EVERYTHING
    try:
        wanted = chosen.filter()
        found = await search(console, wanted, chosen.size, cursor)
    except UsageError as error:
        problem = error
    overview = (await console.snapshot()).overview
    queues = [each for each in overview.queues if not chosen.queue or each.name == chosen.queue]
    return {
        "chosen": chosen,
        "wanted": str(wanted),
        "lines": [JobLine.of(console.plan, job) for job in found.jobs],
        "cursor": found.cursor,
        "is_first": cursor is None,
        "problem": problem,
        "caret": " " * problem.at + "^" * problem.width if isinstance(problem, FilterError) else "",
        "tabs": [(state, sum(queue.counts[state] for queue in queues)) for state in STATES],
        "queues": [queue.name for queue in overview.queues],
        "sizes": SIZES,
    }


async def search(console: Console, wanted: JobFilter, limit: int, cursor: str | None) -> Found:
    """Return a page of jobs: what is found in a moment, and where to go on.

    Raises:
        UsageError: unknown queue, or a text that is no cursor.
    """
    inspector = console.inspector()
    until = monotonic() + SEARCH_S
    found = await inspector.page(wanted, limit=limit, cursor=cursor, effort=EFFORT)
    while found.cursor is not None and len(found.jobs) < limit and monotonic() < until:
        more = await inspector.page(wanted, limit=limit - len(found.jobs), cursor=found.cursor, effort=EFFORT)
        found = replace(more, jobs=(*found.jobs, *more.jobs))
    return found


PAGE = Page(path="/jobs", template="jobs.html", load=load, section="jobs", every_s=2.0)
