"""Ctrl-C and SIGTERM, kept from striking where they would leave something running."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Raises KeyboardInterrupt on SIGINT and SIGTERM, but not while they are held back."""

    def __init__(self) -> None:
        self._is_held = False
        self._is_pending = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold them back to the end of the block, e.g. until a started process is known to whoever stops it."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._is_pending:
            raise KeyboardInterrupt

    def ignore(self) -> None:
        """Let no more through: the end is near, and a second Ctrl-C must not leave half of it running."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_held:
            self._is_pending = True
        else:
            raise KeyboardInterrupt
