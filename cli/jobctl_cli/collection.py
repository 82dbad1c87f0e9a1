"""Python's garbage collection, which a command need not wait for while it starts.

Loading a command makes some 30,000 objects that all stay; looking through them again and again takes a tenth of its
time.
"""

from __future__ import annotations

import gc
from typing import Final

DEFAULT: Final = gc.get_threshold()
STARTING: Final = 50_000  # new objects before they are looked through; far more than loading makes


def spare() -> None:
    """Collect seldom, from the start of a process on."""
    gc.set_threshold(STARTING)


def as_ever() -> None:
    """Collect as Python does by itself: for what runs for long."""
    gc.set_threshold(*DEFAULT)
