"""How an idle worker waits: a standing blocking peek on each queue.

`BLMOVE q q LEFT LEFT` moves the head onto itself: it takes nothing, keeps the order, and returns as soon as something
is there, whoever put it there. No polling, pick-up in less than a millisecond.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from redis import exceptions

from jobctl.broker.connect import connect

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger(__name__)

PEEK_S = 5.0  # under every read timeout: a silent link is noticed, not waited for (hazard B5)


class Peek:
    """Waits for one queue to hold something, while armed.

    Args:
        queued: key of the queue's list.
        wake: called when something is there; the peek is then disarmed until asked again.
    """

    def __init__(self, url: str, queued: str, wake: Callable[[], None]) -> None:
        self._queued = queued
        self._wake = wake
        self._armed = asyncio.Event()
        self._client: Redis = connect(url, max_connections=1, socket_timeout=PEEK_S + 5, retry=None)

    def arm(self) -> None:
        """Wait for the queue from now on."""
        self._armed.set()

    async def run(self) -> None:
        """Peek whenever armed, until cancelled."""
        try:
            while True:
                await self._armed.wait()
                try:
                    found = await self._client.blmove(self._queued, self._queued, PEEK_S, "LEFT", "LEFT")  # type: ignore[arg-type]
                except exceptions.RedisError:
                    # The worker's own turn meets the same trouble and reports it; here only the pace matters.
                    await asyncio.sleep(0.5 + random.random())
                    found = b""
                if found is not None:
                    self._armed.clear()
                    self._wake()
        finally:
            await self._client.aclose()
