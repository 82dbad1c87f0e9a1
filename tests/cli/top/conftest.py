"""The console without a terminal, on a real broker: keys go in, lines come out."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from jobctl.broker.connect import connect
from jobctl.compiler import load_plan
from jobctl.inspector import Inspector
from jobctl_cli.environment import Environment
from jobctl_cli.top.app import TopApp
from jobctl_cli.top.feed import Feed
from jobctl_cli.view import View

DEADLINE_S = 20.0


class Driven:
    """A console that is open, and the hands on it."""

    def __init__(self, app: TopApp, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def lines(self) -> list[str]:
        """What the screen shows."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type a filter and send it off."""
        await self.press("slash")
        self.app.screen.query_one("#filter", Input).value = text
        await self.press("enter")

    async def click(self, text: str, times: int = 1) -> None:
        """Click where a text stands."""
        for y, line in enumerate(self.lines):
            if text in line:
                await self._pilot.click(offset=(line.index(text), y), times=times)
                return
        raise AssertionError(f"`{text}` is not on the screen:\n{self.text}")

    async def resize(self, columns: int, lines: int) -> None:
        await self._pilot.resize_terminal(columns, lines)

    async def shows(self, *texts: str) -> None:
        """Wait until all of these stand on the screen."""
        await self.until(lambda: all(text in self.text for text in texts), f"all of {texts}")

    async def hides(self, *texts: str) -> None:
        """Wait until none of these stands on the screen."""
        await self.until(lambda: not any(text in self.text for text in texts), f"none of {texts}")

    async def until(self, holds: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline, f"waited for {what}:\n{self.text}"
            await asyncio.sleep(0.02)
            await self._pilot.pause()


Opener = Callable[..., AbstractAsyncContextManager[Driven]]


@pytest.fixture
def console(project: Path, redis_url: str) -> Opener:
    """A function that opens the console: ``async with console(read_only=True) as top: ...``."""

    @asynccontextmanager
    async def opened(
        *, columns: int = 80, lines: int = 24, url: str = redis_url, interval_s: float = 0.1, **options: Any
    ) -> AsyncIterator[Driven]:
        env = Environment(stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO(), variables={})
        plan = load_plan("jobspecs")
        async with connect(url) as redis:
            feed = Feed(env, Inspector(redis, plan), plan, View(plan))
            await feed.read()
            app = TopApp(feed, interval_s=interval_s, **options)
            async with app.run_test(size=(columns, lines), notifications=True) as pilot:
                driven = Driven(app, pilot)
                await driven.shows("1 Queues")
                yield driven

    return opened
