"""One subscription for all who wait for jobs of a `JobQueue`: the channels of their jobs, and no others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

log = logging.getLogger(__name__)

QUIET_S = 5.0  # longest single read, under the answer timeout of the connection

News = tuple[str, str] | None
"""``(channel, status)``; None = a reason to look: the server has confirmed, or the connection was broken."""


class Subscription:
    """Shares one connection between waiters, and gives it up when there has been none for a while.

    SAQ's subscribes to every job of the queue and of all queues whose names begin like it (hazard E11), and while the
    server is away it writes tracebacks without pause (B7).
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._inboxes: defaultdict[str, set[asyncio.Queue[News]]] = defaultdict(set)
        self._pubsub: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def listen(self, channels: Iterable[str]) -> AsyncIterator[asyncio.Queue[News]]:
        """Yield an inbox of what is published on some channels. From its first None on nothing is missed."""
        names = set(channels)
        inbox: asyncio.Queue[News] = asyncio.Queue()
        for name in names:
            self._inboxes[name].add(inbox)
        try:
            async with self._changing:
                if self._pubsub is None:
                    self._pubsub = self._redis.pubsub()
                await self._pubsub.subscribe(*names)
                if self._reader is None:
                    self._reader = asyncio.create_task(self._read(self._pubsub), name="jobctl-subscription")
            yield inbox
        finally:
            async with self._changing:
                await self._leave(names, inbox)

    async def _leave(self, names: set[str], inbox: asyncio.Queue[News]) -> None:
        for name in names:
            self._inboxes[name].discard(inbox)
        empty = [name for name in names if not self._inboxes[name]]
        for name in empty:
            del self._inboxes[name]
        if empty and self._pubsub is not None:
            with contextlib.suppress(Exception):  # a broken connection has left all channels by itself
                await self._pubsub.unsubscribe(*empty)

    async def close(self) -> None:
        """Give the connection up."""
        reader, self._reader = self._reader, None
        pubsub, self._pubsub = self._pubsub, None
        if reader is not None:
            reader.cancel()
            await asyncio.wait([reader])
        if pubsub is not None:
            with contextlib.suppress(Exception):
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _read(self, pubsub: PubSub) -> None:
        failing = False
        while True:
            try:
                message = await pubsub.get_message(timeout=QUIET_S)
            except Exception as error:  # whatever it is: the waiters look for themselves
                if not failing:
                    log.warning("the subscription to jobs broke; trying again", extra={"error": str(error)})
                failing = True
                self._tell_all()
                await asyncio.sleep(0.5 + random.random())
                continue
            failing = False
            if message is None:
                if not self._inboxes and await self._retire(pubsub):
                    return
                continue
            name = message["channel"].decode()
            if message["type"] == "message":
                self._tell(name, (name, message["data"].decode()))
            elif message["type"] == "subscribe":
                self._tell(name, None)

    async def _retire(self, pubsub: PubSub) -> bool:
        async with self._changing:
            if self._inboxes:
                return False
            self._reader = self._pubsub = None
            await pubsub.aclose()  # type: ignore[no-untyped-call]
            return True

    def _tell(self, name: str, news: News) -> None:
        for inbox in self._inboxes.get(name, ()):
            inbox.put_nowait(news)

    def _tell_all(self) -> None:
        for inbox in {inbox for inboxes in self._inboxes.values() for inbox in inboxes}:
            inbox.put_nowait(None)
