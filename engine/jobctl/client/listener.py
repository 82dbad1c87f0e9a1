"""One subscription for all waits of a client, so that a thousand waits cost one connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

log = logging.getLogger(__name__)

QUIET_S = 5.0  # longest single read of the subscription; under the answer timeout of the connection
RECONNECT_S = 1.0


class Channel:
    """What one waiter hears of one job.

    Attributes:
        told: the last status published, or None.
    """

    def __init__(self) -> None:
        self.told: bytes | None = None
        self._news = asyncio.Event()

    def tell(self, status: bytes | None) -> None:
        """Wake the waiter; None = no status, but a reason to look."""
        self.told = status or self.told
        self._news.set()

    async def wait(self, timeout_s: float) -> bool:
        """Return True when there is news, False when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        is_news = self._news.is_set()
        self._news.clear()
        return is_news


class Listener:
    """Subscribes to channels while somebody waits on them. Without a waiter it holds no connection and no task."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiters: dict[str, list[Channel]] = {}
        self._heard: set[str] = set()  # channels whose subscription the server has confirmed
        self._lock = asyncio.Lock()
        self._pubsub: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def listen(self, name: str) -> AsyncIterator[Channel]:
        """Listen to a channel. The first news is that the server has confirmed: from then on nothing is missed."""
        channel = Channel()
        self._waiters.setdefault(name, []).append(channel)
        try:
            async with self._lock:
                await self._join(name, channel)
            yield channel
        finally:
            async with self._lock:
                self._waiters[name].remove(channel)
                if not self._waiters[name]:
                    await self._leave(name)

    async def _join(self, name: str, channel: Channel) -> None:
        if name in self._heard:
            channel.tell(None)
            return
        if self._pubsub is None:
            self._pubsub = self._redis.pubsub()
        await self._pubsub.subscribe(name)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(self._pubsub), name="jobctl-client-listener")

    async def _leave(self, name: str) -> None:
        del self._waiters[name]
        self._heard.discard(name)
        if self._waiters:
            if self._pubsub is not None:
                with suppress(Exception):  # a broken connection has left all channels by itself
                    await self._pubsub.unsubscribe(name)
            return
        reader, self._reader = self._reader, None
        pubsub, self._pubsub = self._pubsub, None
        if reader is not None:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
        if pubsub is not None:
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _read(self, pubsub: PubSub) -> None:
        while True:
            try:
                message = await pubsub.get_message(timeout=QUIET_S)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # whatever it is: waiters look for themselves, and tell their callers
                log.debug("subscription broke", extra={"error": str(error)})
                self._heard.clear()
                for waiters in self._waiters.values():
                    for channel in waiters:
                        channel.tell(None)
                await asyncio.sleep(RECONNECT_S)
            else:
                if message is not None:
                    self._dispatch(message)

    def _dispatch(self, message: dict[str, Any]) -> None:
        name = message["channel"].decode()
        if message["type"] == "subscribe":
            self._heard.add(name)
        status = message["data"] if message["type"] == "message" else None
        for channel in self._waiters.get(name, ()):
            channel.tell(status)
