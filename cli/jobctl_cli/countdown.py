"""How far a queue is from being empty, on one line of stderr that is drawn anew."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobctl.durations import format_elapsed
from jobctl.records import JobState
from jobctl_cli.text import clip

if TYPE_CHECKING:
    from jobctl.inspector import QueueStatus
    from jobctl_cli.environment import Environment


class Countdown:
    """Shows what is left and, from how it has gone so far, for how long."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._began_at = time.monotonic()
        self._first: int | None = None
        self._is_shown = False

    def show(self, queue: QueueStatus) -> None:
        """Draw it, if somebody watches."""
        if not self._env.stderr.isatty():
            return
        queued, active = queue.counts[JobState.QUEUED], queue.counts[JobState.ACTIVE]
        left = queued + active
        self._first = left if self._first is None else self._first
        elapsed_s, gone = time.monotonic() - self._began_at, self._first - left
        said = f"{queue.name}: {queued:,} queued, {active:,} running"
        if gone > 0 and elapsed_s >= 1:
            said += f", {gone / elapsed_s:,.0f}/s, {format_elapsed(left * elapsed_s / gone)} left"
        elif gone < 0:
            said += f", {-gone:,} more than at first"
        self._env.stderr.write(f"\r\x1b[K{clip(said, self._env.size[0] - 1)}")
        self._env.stderr.flush()
        self._is_shown = True

    def clear(self) -> None:
        """Take it away."""
        if self._is_shown:
            self._env.stderr.write("\r\x1b[K")
            self._env.stderr.flush()
