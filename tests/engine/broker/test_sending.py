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


async def test_a_cancellation_from_just_before_a_command_is_not_lost(redis_url: str) -> None:
    client = connect(redis_url)
    await client.ping()
    went_on = False

    async def be_interrupted_and_ping() -> None:
        nonlocal went_on
        task = asyncio.current_task()
        assert task is not None
        task.cancel()  # as Ctrl-C does while something is computed
        await client.ping()
        went_on = True

    await asyncio.wait([asyncio.create_task(be_interrupted_and_ping())], timeout=10)
    await client.aclose()

    assert not went_on


async def test_a_connection_that_the_server_closed_is_opened_again(redis_url: str) -> None:
    client = connect(redis_url, max_connections=1, retry=None)
    number = await client.client_id()
    async with connect(redis_url) as other:
        await other.client_kill_filter(_id=str(number))

    assert await client.ping()
    await client.aclose()


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
