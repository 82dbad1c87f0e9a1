"""The stepped clock: the broker's time, stopped. It moves when a test moves it, for all who ask the broker."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from jobctl.broker.keys import CLOCK, WAKE
from jobctl.broker.scripts import forget_sources, source
from jobctl.broker.server_clock import VARIABLE
from jobctl.client.options import Duration, seconds
from jobctl.clock import utc
from jobctl.errors import UsageError

if TYPE_CHECKING:
    from redis import Redis

MICROS = 1_000_000


@contextmanager
def stepped_scripts() -> Iterator[None]:
    """Let all that this process, and those it starts, read from the broker from now on follow the stepped clock."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "1"
    forget_sources()
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
        forget_sources()


class SteppedClock:
    """The clock of one broker. Delays, retries, leases, locks, retention and schedules go by it.

    How long handlers run is measured by the machine's own clock, and so are timeouts.

    Args:
        redis: the broker.
        start: where it stands at first; None = the machine's time, to the millisecond.
    """

    def __init__(self, redis: Redis, start: datetime | None = None) -> None:
        self._redis = redis
        self._step = redis.register_script(source("step"))
        self.started_ms = int((time.time() if start is None else start.timestamp()) * 1000)
        self._now_ms = self.started_ms
        self._put(self.started_ms)

    def __repr__(self) -> str:
        return f"<SteppedClock at {self.now().isoformat(timespec='milliseconds')}>"

    def time(self) -> float:
        """Return seconds since the epoch."""
        return self._now_ms / 1000

    @property
    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._now_ms

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        return utc(self.time())

    def jump(self, by: Duration) -> datetime:
        """Let time pass in which nobody works, as over a night with all workers down; return the new time.

        What should run on its way runs afterwards: late retries at once, missed ticks as their `catch_up` says. To let
        time pass with a worker at work, use the worker's `advance`.

        Args:
            by: ``"25h"``, a timedelta, or seconds.

        Raises:
            UsageError: no duration, or less than nothing.
        """
        self.jump_to_ms(self._now_ms + round(seconds("jump", by) * 1000))
        return self.now()

    def jump_to(self, at: datetime) -> datetime:
        """Go forward to a time; as `jump`.

        Raises:
            UsageError: it is in the past, or has no time zone.
        """
        if at.tzinfo is None:
            raise UsageError(
                f"`{at.isoformat()}` is a time without a time zone", hint="add one, e.g. `datetime(..., tzinfo=UTC)`"
            )
        at_ms = round(at.timestamp() * 1000)
        if at_ms < self._now_ms:
            raise UsageError(f"the clock stands at {self.now().isoformat()} and does not go back to {at.isoformat()}")
        self.jump_to_ms(at_ms)
        return self.now()

    def jump_to_ms(self, at_ms: int) -> None:
        """Go to a time, ms since the epoch: one script, which also forgets what the server would have forgotten."""
        self._now_ms = at_ms
        self._step(keys=[CLOCK, WAKE], args=[at_ms * MICROS // 1000])

    @contextmanager
    def at_start(self) -> Iterator[None]:
        """Put the clock back to where it stood at first, for a moment, without letting time pass: for the harness."""
        now_ms = self._now_ms
        if now_ms != self.started_ms:
            self._put(self.started_ms)
        try:
            yield
        finally:
            if now_ms != self.started_ms:
                self._put(now_ms)

    def _put(self, at_ms: int) -> None:
        self._redis.set(CLOCK, at_ms * MICROS // 1000)
