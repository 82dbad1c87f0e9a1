"""The handlers of `jobs.yaml`. Both sides call them: ours with a `jobctl.Context`, stock SAQ with one that has the
same `attempt`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Attempted(Protocol):
    """What these handlers need to know of their run."""

    attempt: int


async def noop(ctx: Attempted, padding: str) -> None:
    """Do nothing."""


async def wait(ctx: Attempted, ms: float, padding: str) -> None:  # noqa: ARG001 - as above
    """Wait, as for another machine's answer."""
    await asyncio.sleep(ms / 1000)


async def compute(ctx: Attempted, ms: float, padding: str) -> None:  # noqa: ARG001 - as above
    """Use the processor, and with it the worker's event loop."""
    end_s = time.thread_time() + ms / 1000
    while time.thread_time() < end_s:
        pass


def in_thread(ctx: Attempted, ms: float, padding: str) -> None:  # noqa: ARG001 - as above
    """Block a thread."""
    time.sleep(ms / 1000)


async def flaky(ctx: Attempted, padding: str) -> None:  # noqa: ARG001 - as above
    """Fail the first attempt."""
    if ctx.attempt == 1:
        raise RuntimeError("the first attempt fails, the second succeeds")
