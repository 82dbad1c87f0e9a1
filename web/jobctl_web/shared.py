"""One reading of the broker for everybody who asks at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from jobctl.errors import BrokerError

T = TypeVar("T")


class Shared(Generic[T]):
    """A value that is read anew when it is asked for and too old, once for all who wait for it.

    A broker that does not answer is not asked again within that time either.

    Args:
        read: brings it.
        most_age_s: how old it may be, seconds.
    """

    def __init__(self, read: Callable[[], Awaitable[T]], most_age_s: float) -> None:
        self._read = read
        self._most_age_s = most_age_s
        self._lock = asyncio.Lock()
        self._found: T | BrokerError | None = None
        self._read_at = float("-inf")

    def expire(self) -> None:
        """Have it read anew when it is next asked for."""
        self._read_at = float("-inf")

    async def get(self) -> T:
        """Return it.

        Raises:
            BrokerError: as `read` does.
        """
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= self._most_age_s:
                try:
                    self._found = await self._read()
                except BrokerError as error:
                    self._found = error
                self._read_at = asyncio.get_running_loop().time()
        if isinstance(self._found, BrokerError):
            raise self._found
        assert self._found is not None  # noqa: S101 - it was read above
        return self._found
