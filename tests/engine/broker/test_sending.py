from __future__ import annotations

import asyncio
import contextlib

import pytest

from jobctl.broker.connect import connect


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancellation_is_never_lost_on_its_way_through_a_command(redis_url: str, steps: int) -> None:
    client = connect(redis_url)
    await client.ping()

    async def ping_and_stay() -> None:
        await client.ping()
        await asyncio.Event().wait()

    task = asyncio.create_task(ping_and_stay())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=2)

    was_cancelled = task.cancelled()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await client.aclose()
    assert was_cancelled


async def test_a_cancelled_command_leaves_no_answer_to_the_next(redis_url: str) -> None:
    client = connect(redis_url, max_connections=1)
    await client.set("a", 1)

    for steps in range(12):
        task = asyncio.create_task(client.get("a"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert await client.get("b") is None

    await client.aclose()
