"""Time as a parameter, so that tests can step it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time in seconds since the epoch."""

    def time(self) -> float:
        """Return seconds since the epoch."""
        ...


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """Return seconds since the epoch."""
        return time.time()


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, start_s: float = 1_700_000_000.0) -> None:
        self.now_s = start_s

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Move forward by so many seconds."""
        self.now_s += seconds


def utc(timestamp_s: float) -> datetime:
    """Return an aware UTC datetime for seconds since the epoch."""
    return datetime.fromtimestamp(timestamp_s, UTC)
