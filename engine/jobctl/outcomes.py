"""What a handler may raise to decide the fate of its own job. Any other exception is a failure that is retried."""

from __future__ import annotations

import math
from datetime import timedelta

from jobctl.durations import parse_duration


class Outcome(Exception):
    """Base of the outcomes a handler may choose."""


class Dead(Outcome):
    """Give up now: the job is dead, whatever retries are left."""


class RetryAfter(Outcome):
    """Fail this attempt and retry after a delay of the handler's choosing. It spends a retry.

    Args:
        delay: ``"5m"``, a timedelta, or seconds.
        reason: shown as the attempt's error.
    """

    def __init__(self, delay: str | timedelta | float, reason: str = "handler asked for a retry") -> None:
        super().__init__(reason)
        if isinstance(delay, str):
            self.delay_s = parse_duration(delay)
        elif isinstance(delay, timedelta):
            self.delay_s = delay.total_seconds()
        else:
            self.delay_s = float(delay)
        if self.delay_s < 0:
            raise ValueError(f"a retry cannot be {self.delay_s} s in the past")
        if not math.isfinite(self.delay_s):
            raise ValueError(f"a retry cannot come after {self.delay_s} s; raise `Dead` for one that is not to come")


class Cancel(Outcome):
    """Stop: there is nothing to do any more. The job ends as cancelled and is not retried."""
