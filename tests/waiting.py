"""Waiting for what will be so, without guessing how long it takes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

DEADLINE_S = 30.0


async def eventually(condition: Callable[[], Any], deadline_s: float = DEADLINE_S) -> None:
    """Poll a condition, async or not, until it holds."""
    async with asyncio.timeout(deadline_s):
        while True:
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await answer
            if answer:
                return
            await asyncio.sleep(0.005)
