"""`jobctl inspect`: what it looks at, once or again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from jobctl.inspector.filters import EVERYTHING, JobFilter, parse_filter
from jobctl_cli.progress import Progress
from jobctl_cli.screens import job, jobs, readings

if TYPE_CHECKING:
    from jobctl.inspector import Inspector
    from jobctl_cli.environment import Environment
    from jobctl_cli.view import View

EVERY_S = 1.0
CLEAR = "\x1b[H\x1b[2J"
TEXTS = ("table", "wide")


class Look(Protocol):
    """Something that is shown."""

    async def once(self, inspector: Inspector) -> None:
        """Show it."""

    async def watch(self, inspector: Inspector) -> None:
        """Show it anew whenever it has changed: on a screen in place, in a pipe one after the other."""


class Details:
    """Jobs named by their keys; watched until all of them have ended."""

    def __init__(self, env: Environment, output: str, view: View, keys: Sequence[str], *, is_full: bool) -> None:
        self._env = env
        self._output = output
        self._view = view
        self._keys = keys
        self._is_full = is_full

    async def once(self, inspector: Inspector) -> None:
        """Show them.

        Raises:
            JobNotFound: one of them is not there; nothing is shown.
        """
        details = [await inspector.detail(key) for key in self._keys]
        job.show(self._env, self._output, self._view, details, is_full=self._is_full)

    async def watch(self, inspector: Inspector) -> None:
        """Show them, and again after every change, until they have ended."""
        before: Any = None
        while True:
            details = [await inspector.detail(key) for key in self._keys]
            # leases are renewed every few seconds, which is no news; on a screen it is drawn all the same
            now = [{**self._view.shape(detail.record), "progress": detail.record.progress} for detail in details]
            if _is_drawn_in_place(self._env, self._output):
                self._env.stdout.write(CLEAR)
                job.show(self._env, self._output, self._view, details, is_full=self._is_full)
            elif now != before:
                job.show(self._env, self._output, self._view, details, is_full=self._is_full)
            self._env.flush()
            before = now
            if all(detail.record.state.is_final and detail.record.completed_ms for detail in details):
                return
            await asyncio.sleep(EVERY_S)


class Explained:
    """What a filter reads, in place of what it finds."""

    def __init__(self, env: Environment, output: str, wanted: JobFilter | None, *, with_replayed: bool) -> None:
        self._env = env
        self._output = output
        self._wanted = _wanted(wanted, with_replayed=with_replayed)

    async def once(self, inspector: Inspector) -> None:
        """Show it."""
        readings.show(self._env, self._output, await inspector.explain(self._wanted))

    async def watch(self, inspector: Inspector) -> None:
        """Show it; it does not change."""
        await self.once(inspector)


class Listed:
    """Jobs chosen by a filter.

    Args:
        limit: jobs at most; None = all.
        cursor: where to go on, or None.
        with_replayed: also dead jobs that have been replayed.
    """

    def __init__(
        self,
        env: Environment,
        output: str,
        view: View,
        wanted: JobFilter | None,
        *,
        limit: int | None,
        cursor: str | None,
        with_replayed: bool,
    ) -> None:
        self._env = env
        self._output = output
        self._view = view
        self._wanted = _wanted(wanted, with_replayed=with_replayed)
        self._limit = limit
        self._cursor = cursor

    async def once(self, inspector: Inspector) -> None:
        """Show the first of them, and say how to go on."""
        env = self._env
        limit = self._limit or MOST
        progress = Progress(env, "looked at")
        page = await inspector.page(self._wanted, limit=limit, cursor=self._cursor, tell=progress.of)
        progress.clear()
        jobs.show(env, self._output, self._view, page.jobs)
        if page.cursor is None or not await self._has_more(inspector, page.cursor):
            return
        env.note(
            f"note: these are the {'next' if self._cursor else 'first'} {limit:,}; `--limit` and `--all` show more"
        )
        if self._output not in TEXTS or self._cursor is not None:
            env.note(f"cursor: {page.cursor}")

    async def watch(self, inspector: Inspector) -> None:
        """Show them every second, or in a pipe whenever something has changed."""
        before: Any = None
        while True:
            page = await inspector.page(self._wanted, limit=self._limit or MOST, cursor=self._cursor)
            if _is_drawn_in_place(self._env, self._output):
                self._env.stdout.write(CLEAR)
                jobs.show(self._env, self._output, self._view, page.jobs[: self._env.size[1] - 2])
            elif page.jobs != before:
                jobs.show(self._env, self._output, self._view, page.jobs)
            self._env.flush()
            before = page.jobs
            await asyncio.sleep(EVERY_S)

    async def _has_more(self, inspector: Inspector, cursor: str) -> bool:
        """Whether a further job matches, as far as a moment's search tells."""
        page = await inspector.page(self._wanted, limit=1, cursor=cursor, effort=PEEK)
        return bool(page.jobs) or page.cursor is not None


MOST = 1_000_000_000  # jobs; `--all` of them
PEEK = 10_000  # entries of indexes looked at to tell whether there are more


def _wanted(wanted: JobFilter | None, *, with_replayed: bool) -> JobFilter:
    chosen = wanted or EVERYTHING
    return chosen & parse_filter("replayed=true,false") if with_replayed else chosen


def _is_drawn_in_place(env: Environment, output: str) -> bool:
    return env.is_screen and output in TEXTS
