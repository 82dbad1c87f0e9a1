"""Live pages: one stream a page, one look at the broker a second, whatever the number of viewers.

Who looks at the same page is sent the same text, made once. A viewer whose line is slow gets the newest text when it
can take it, not a backlog.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from jobctl.errors import JobctlError
from jobctl_web.page import Missing

log = logging.getLogger(__name__)

TICK_S = 1.0
HEARTBEAT_S = 15.0  # a comment now and then, so that nobody between us and the browser takes the line for dead
MOST_VIEWERS = 500
COST = 10.0  # times what a drawing took, until the next: live pages take a tenth of the console at most each

Parts: TypeAlias = Mapping[str, str]
"""Name of a part of the page -> its HTML."""


class TooManyViewers(Exception):
    """No more streams are served."""


@dataclass(eq=False, slots=True)
class Viewer:
    """One open stream."""

    sent: dict[str, str] = field(default_factory=dict)
    trouble: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False, slots=True)
class View:
    """One page that somebody looks at."""

    render: Callable[[], Awaitable[Parts]]
    every_s: float
    parts: Parts = field(default_factory=dict)
    trouble: str = ""
    due_at: float = 0.0
    viewers: set[Viewer] = field(default_factory=set)


class Live:
    """Draws the pages that are looked at again, and hands what has changed to their viewers. Without any it sleeps."""

    def __init__(self) -> None:
        self._views: dict[object, View] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False

    @property
    def viewers(self) -> int:
        """How many streams are open."""
        return sum(len(view.viewers) for view in self._views.values())

    def close(self) -> None:
        """End all streams: the server stops."""
        self._is_closing = True
        for view in self._views.values():
            for viewer in view.viewers:
                viewer.news.set()

    async def follow(
        self, name: object, render: Callable[[], Awaitable[Parts]], every_s: float, is_alive: Callable[[], bool]
    ) -> AsyncIterator[str]:
        """Yield the events of one stream, until the viewer leaves.

        Args:
            name: what tells this view from others: same name, same text.
            render: draws its parts.
            every_s: seconds between two drawings.
            is_alive: whether the viewer may still see it.

        Raises:
            TooManyViewers: there are 500.
        """
        if self.viewers >= MOST_VIEWERS:
            raise TooManyViewers
        view = self._views.setdefault(name, View(render, every_s))
        viewer = Viewer()
        view.viewers.add(viewer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="jobctl-web-live")
        try:
            yield "retry: 2000\n\n"
            while not self._is_closing:
                if not is_alive():
                    yield _event("gone", {})
                    return
                changed = {part: html for part, html in view.parts.items() if viewer.sent.get(part) != html}
                if changed:
                    viewer.sent.update(changed)
                    yield _event("parts", changed)
                if viewer.trouble != view.trouble:
                    viewer.trouble = view.trouble
                    yield _event("trouble", {"text": view.trouble})
                if not await _waited(viewer.news, HEARTBEAT_S):
                    yield ": still here\n\n"
        finally:
            view.viewers.discard(viewer)
            if not view.viewers:
                self._views.pop(name, None)

    async def tick(self) -> None:
        """Draw every view that is due, one after the other."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for view in list(self._views.values()):
            if view.due_at > now or not view.viewers:
                continue
            before = (view.parts, view.trouble)
            began = loop.time()
            try:
                view.parts, view.trouble = await view.render(), ""
            except (JobctlError, Missing) as error:
                view.trouble = str(error)
            except Exception:
                log.exception("a live page could not be drawn")
                view.trouble = "this page cannot be drawn; the console's log says why"
            # Half a turn early is in time; and a page that takes long to draw is drawn less often.
            view.due_at = now + max(view.every_s - TICK_S / 2, COST * (loop.time() - began))
            if before != (view.parts, view.trouble):
                for viewer in view.viewers:
                    viewer.news.set()

    async def _run(self) -> None:
        while self._views and not self._is_closing:
            began = asyncio.get_running_loop().time()
            await self.tick()
            # a broker that takes long is asked less often
            took_s = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(TICK_S - took_s, TICK_S / 4))


def _event(kind: str, data: Mapping[str, str]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def _waited(news: asyncio.Event, timeout_s: float) -> bool:
    """Return whether there was news in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await news.wait()
    is_news = news.is_set()
    news.clear()
    return is_news
