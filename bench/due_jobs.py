"""Handlers that note how late they start: a module of its own, since the spec names them by its path."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from jobctl import Context

RETRY_DELAY_S = 0.5  # as the spec has it
late_s: dict[str, list[float]] = defaultdict(list)
_failed_at: dict[str, float] = {}


async def tick(ctx: Context) -> None:
    """Note how late a tick is."""
    if ctx.tick is not None:
        late_s["cron"].append(time.time() - ctx.tick.timestamp())


async def later(ctx: Context, due_ms: int) -> None:
    """Note how late a delayed job is."""
    late_s["delayed"].append(time.time() - due_ms / 1000)


async def again(ctx: Context) -> None:
    """Fail once, and note how late the retry is."""
    failed_at = _failed_at.pop(ctx.key, None)
    if failed_at is not None:
        late_s["retried"].append(time.time() - failed_at - RETRY_DELAY_S)
        return
    _failed_at[ctx.key] = time.time()
    raise RuntimeError("once")


async def hold(ctx: Context) -> None:
    """Keep a slot taken."""
    await asyncio.sleep(3600)
