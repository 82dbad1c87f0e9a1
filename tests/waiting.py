"""Waiting for what will be so, without guessing how long it takes."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest

DEADLINE_S = 60.0


def wait_until(condition: Callable[[], bool], trouble: Callable[[], str] = str, deadline_s: float = DEADLINE_S) -> None:
    """Poll a condition until it holds, for tests without a loop; ``trouble`` says what is known if it never does."""
    until = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > until:
            pytest.fail(f"not within {deadline_s:g} s: {trouble()}")
        time.sleep(0.01)


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
