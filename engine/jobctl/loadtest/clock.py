"""The broker's clock, as seen from this process: the one clock that all hosts of a load test share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis

SAMPLES = 9  # the quickest of so many round trips: the others waited somewhere


class BrokerClock:
    """Times of this process in ms of the broker's clock.

    It stands on the monotonic clock, so that a step of this host's clock changes nothing. `sync` asks the broker for
    the time and takes the quickest of several answers: the error is at most half its round trip.

    Attributes:
        error_ms: half of that round trip.
    """

    def __init__(self, server: Redis, monotonic: Callable[[], float] = time.perf_counter) -> None:
        self._server = server
        self._monotonic = monotonic
        self._offset_ms = 0.0
        self.error_ms = 0.0
        self.sync()

    def sync(self, samples: int = SAMPLES) -> None:
        """Set the clock anew: hosts' clocks drift apart by some ms an hour."""
        best: tuple[float, float] | None = None
        for _ in range(samples):
            sent_s = self._monotonic()
            seconds, micros = self._server.time()  # type: ignore[misc]  # the stubs say: or awaitable
            trip_ms = (self._monotonic() - sent_s) * 1000
            offset_ms = seconds * 1000 + micros / 1000 - (sent_s * 1000 + trip_ms / 2)
            if best is None or trip_ms < best[0]:
                best = trip_ms, offset_ms
        if best is not None:
            self.error_ms, self._offset_ms = best[0] / 2, best[1]

    def now_ms(self) -> float:
        """Return the broker's time, ms since the epoch."""
        return self._monotonic() * 1000 + self._offset_ms
