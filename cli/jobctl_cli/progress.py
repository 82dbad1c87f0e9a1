"""A progress bar on stderr, for work that takes over a second and someone who watches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobctl_cli.text import clip, columns

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

AFTER_S = 1.0
EVERY_S = 0.1
BAR_COLUMNS = 30


class Progress:
    """How far something has come.

    Args:
        env: whose stderr it is.
        verb: what is done.
        total: how much there is to do; None = unknown, then there is a count and no bar.
    """

    def __init__(self, env: Environment, verb: str, total: int | None = None) -> None:
        self._env = env
        self._total = total
        self._verb = verb
        self._began_at = time.monotonic()
        self._next_at = self._began_at + AFTER_S
        self._is_shown = False
        self._done = 0
        env.progress = self

    def show(self, done: int) -> None:
        """Draw the bar, if it is time to."""
        self._done = done
        now = time.monotonic()
        if now < self._next_at or not self._env.stderr.isatty() or self._env.is_quiet:
            return
        self._next_at = now + EVERY_S
        self._is_shown = True
        rate = done / (now - self._began_at)
        said = f"{self._verb} {done:,}" + (f" of {self._total:,}" if self._total else "") + f", {rate:,.0f}/s"
        # one that fills the line would wrap, and the next could not take its place
        room = self._env.size[0] - 1
        if self._total and columns(said) + 1 + BAR_COLUMNS <= room:
            filled = BAR_COLUMNS * done // self._total
            bar = self._env.err("cyan", "━" * filled) + self._env.err("dim", "─" * (BAR_COLUMNS - filled))
            said = f"{bar} {said}"
        else:
            said = clip(said, room)
        self._env.stderr.write(f"\r\x1b[K{said}")
        self._env.stderr.flush()

    def of(self, done: int, total: int) -> None:
        """Draw the bar of a work whose size is told as it goes."""
        self._total = total
        self.show(done)

    def stop(self) -> str:
        """Take the bar away for good and return how far it came, as of a work that was interrupted."""
        self.clear()
        self._env.progress = None
        return f"{self._verb} {self._done:,}" + (f" of {self._total:,}" if self._total else "")

    def clear(self) -> None:
        """Take the bar away."""
        if self._is_shown:
            self._env.stderr.write("\r\x1b[K")
            self._env.stderr.flush()
