from __future__ import annotations

from redis.asyncio import Redis

from jobctl.inspector.server import read_server, server_status


async def test_server_tells_what_it_is(broker: Redis) -> None:
    await broker.set("a", 1, ex=100)
    await broker.set("b", 1)

    server = await read_server(broker)

    assert server.software in ("valkey", "redis")
    assert server.version[0].isdigit()
    assert server.role == "master"
    assert (server.keys, server.expiring_keys) == (2, 1)
    assert server.memory > 0
    assert server.clients >= 1
    assert server.policy == "noeviction"


def test_reply_that_says_little_is_read() -> None:
    server = server_status({"redis_version": "7.0.1", "used_memory": "?"})

    assert (server.software, server.version, server.memory, server.hit_share) == ("redis", "7.0.1", 0, None)
