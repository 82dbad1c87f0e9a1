"""The handlers of `noop.yaml`."""

from __future__ import annotations

import asyncio

from jobctl import Context


async def noop(ctx: Context, number: int) -> None:
    """Do nothing."""


async def pause(ctx: Context, number: int, seconds: float) -> None:  # noqa: ARG001 - as above
    """Take some time and no processor."""
    await asyncio.sleep(seconds)
