"""A proxy between clients and a broker, to break the link between them in every way a network can.

It runs in a thread of its own and is steered from the test: all methods return once the proxy has obeyed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

CHUNK = 65_536
HOST = "127.0.0.1"

T = TypeVar("T")


class _Link:
    """One client's connection through the proxy."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.is_doomed = False
        self.tail = b""

    async def carry_requests(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            await self.proxy._pass()
            seen = self.tail + data
            # Doomed before it is sent on: the answer may be back before we run again.
            if self.proxy._is_hit(seen):
                self.is_doomed, seen = True, b""
            self.tail = seen[-self.proxy.longest_needle :]
            sink.write(data)
            await sink.drain()

    async def carry_answers(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            await self.proxy._pass()
            if self.is_doomed:
                self.proxy._dropped()
                return
            sink.write(data)
            await sink.drain()

    def cut(self) -> None:
        for end in (self.client, self.server):
            if end is not None:
                end.transport.abort()


class Proxy:
    """Forwards connections from a loopback port to a broker.

    Args:
        upstream: URL of the broker, ``redis://`` or ``unix://``.
    """

    def __init__(self, upstream: str) -> None:
        self.longest_needle = 1
        self.dropped = 0
        """Answers swallowed so far."""
        self._parts = urlsplit(upstream)
        self._links: dict[_Link, asyncio.Task[Any] | None] = {}
        self._needles: list[bytes] = []
        self._delay_s = 0.0
        self._is_open = True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._port = 0

    @property
    def url(self) -> str:
        """Where clients reach the broker through the proxy."""
        database = self._parts.path.strip("/") if self._parts.scheme != "unix" else ""
        login = f"{self._parts.netloc.rpartition('@')[0]}@" if "@" in self._parts.netloc else ""
        return f"redis://{login}{HOST}:{self._port}/{database or 0}"

    @property
    def links(self) -> int:
        """Connections open through the proxy now."""
        return len(self._links)

    def __enter__(self) -> Self:
        self._thread.start()
        self._flowing = self._do(_event)
        self._server = self._do(lambda: asyncio.start_server(self._serve, HOST, 0))
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> int:
        """Break every connection, as a restarted switch does; return how many there were. New ones are let through."""

        async def cut() -> int:
            links = list(self._links)
            for link in links:
                link.cut()
            return len(links)

        return self._do(cut)

    def refuse(self) -> None:
        """Break every connection and refuse new ones, until `restore`."""
        self._is_open = False
        self.cut()

    def silence(self) -> None:
        """Carry nothing any more in either direction, tell nobody: connections stay open. Until `restore`."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def delay(self, seconds: float) -> None:
        """Hold everything back for so long, in each direction, until `restore`."""
        self._delay_s = seconds

    def restore(self) -> None:
        """Be a good link again. What was held back by `silence` is delivered."""
        self._is_open, self._delay_s = True, 0.0
        self._loop.call_soon_threadsafe(self._flowing.set)

    def lead_to(self, upstream: str) -> None:
        """Lead new connections to another broker, as an address does after a failover. Old ones stay where they are."""
        self._parts = urlsplit(upstream)

    def drop_answer(self, needle: bytes) -> None:
        """Let the next request that contains ``needle`` through, swallow its answer, and break that connection."""

        async def arm() -> None:
            self._needles.append(needle)
            self.longest_needle = max(self.longest_needle, len(needle))

        self._do(arm)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, writer)
        if not self._is_open:
            link.cut()
            return
        self._links[link] = asyncio.current_task()
        carrying: list[asyncio.Task[None]] = []
        try:
            await self._pass()
            answers, link.server = await self._dial()
            carrying = [
                asyncio.ensure_future(link.carry_requests(reader, link.server)),
                asyncio.ensure_future(link.carry_answers(answers, writer)),
            ]
            await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # the broker is away: so are we
        finally:
            for task in carrying:
                task.cancel()
            await asyncio.gather(*carrying, return_exceptions=True)
            link.cut()
            del self._links[link]

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._parts.scheme == "unix":
            return await asyncio.open_unix_connection(self._parts.path)
        return await asyncio.open_connection(self._parts.hostname, self._parts.port or 6379)

    async def _pass(self) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        await self._flowing.wait()

    def _is_hit(self, data: bytes) -> bool:
        for needle in self._needles:
            if needle in data:
                self._needles.remove(needle)
                return True
        return False

    def _dropped(self) -> None:
        self.dropped += 1

    async def _close(self) -> None:
        self._server.close()
        self._flowing.set()
        tasks = [task for task in self._links.values() if task is not None]
        for link in self._links:
            link.cut()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _do(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)


async def _event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
