"""What runs beside a worker's feed: parts of the worker itself, and what its owner gives it for as long as it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobctl.worker.worker import Worker

log = logging.getLogger(__name__)

RESTART_S = 1.0

Beside = Callable[["Worker"], Awaitable[None]]
"""What runs as long as a worker does; it is given the worker."""


async def keep_running(work: Callable[[], Awaitable[None]], name: str | None = None) -> None:
    """Run what runs beside the feed. Should it fail, begin again: a worker must not go on without its upkeep, say.

    Args:
        work: what.
        name: how the log calls it; None = by its own name.
    """
    while True:
        try:
            return await work()
        except Exception:
            log.exception("a part of the worker failed; starting it again", extra={"part": name or work.__qualname__})
            await asyncio.sleep(RESTART_S)


def together(*parts: Beside) -> Beside:
    """Return what runs all of these beside a worker."""

    async def run(worker: Worker) -> None:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(keep_running(partial(part, worker), part.__qualname__))

    return run
