"""The handler of `burn.yaml`."""

from __future__ import annotations

import time

from jobctl import Context

BURN_S = 0.001


async def burn(ctx: Context, number: int) -> None:
    """Use a millisecond of a core."""
    end_s = time.thread_time() + BURN_S
    while time.thread_time() < end_s:
        pass
