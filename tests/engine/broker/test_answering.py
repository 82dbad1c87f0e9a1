from __future__ import annotations

import asyncio

import pytest
import redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from jobctl.broker.connect import connect


async def test_an_answer_that_does_not_come_is_a_timeout_and_the_next_command_works(redis_url: str) -> None:
    client = connect(redis_url, socket_timeout=0.1, retry=Retry(NoBackoff(), 0))

    with pytest.raises(redis.exceptions.TimeoutError, match=r"no answer within 0\.1 s"):
        await client.blpop(["nothing"], timeout=0)  # type: ignore[misc]

    assert await client.ping()  # type: ignore[misc]
    await client.aclose()


async def test_a_wait_is_not_cut_short_by_one_before_it(redis_url: str) -> None:
    client = connect(redis_url, socket_timeout=0.5, max_connections=1, retry=Retry(NoBackoff(), 0))

    for _ in range(3):
        assert await client.blpop(["nothing"], timeout=0.2) is None  # type: ignore[misc]

    await client.aclose()


async def test_other_tasks_run_while_an_answer_is_looked_for(redis_url: str) -> None:
    client = connect(redis_url, max_connections=1)
    connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    connection.looks_for_ns = 60_000_000_000
    other = asyncio.create_task(asyncio.sleep(0.02))

    await connection.send_command("BLPOP", "nothing", "0.1")
    answer = await connection.read_response()

    assert (answer, other.done()) == (None, True)
    await client.connection_pool.release(connection)
    await client.aclose()


async def test_an_answer_that_was_looked_for_in_vain_comes_all_the_same(redis_url: str) -> None:
    client = connect(redis_url, max_connections=1)
    connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    connection.looks_for_ns = 1

    for number in range(100):
        await connection.send_command("ECHO", number)
        assert await connection.read_response() == str(number).encode()

    await client.connection_pool.release(connection)
    await client.aclose()


async def test_a_connection_lost_while_its_answer_is_looked_for_is_told(redis_url: str, server: redis.Redis) -> None:
    client = connect(redis_url, max_connections=1)
    connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    connection.looks_for_ns = 1_000_000
    server.client_kill_filter(_type="normal", skipme=True)

    async def ask() -> None:
        await connection.send_command("PING")
        await connection.read_response()

    with pytest.raises(redis.exceptions.ConnectionError):
        await ask()

    await client.connection_pool.release(connection)
    assert await client.ping()  # type: ignore[misc]
    await client.aclose()
