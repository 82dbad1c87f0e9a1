"""What a user of the broker must be allowed to do, and a trial of it.

A server checks its access list before it looks at a command's arguments or at the key's type. So each command is tried
on a key of the wrong type: an allowed one answers WRONGTYPE or nothing at all, and changes nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Redis

RULES = "~saq:* ~jobctl:* &saq:* &jobctl:* +@read +@write +@scripting +@pubsub +@connection +@blocking +time +info"
"""An access list under which everything works; `+config|get` lets `jobctl doctor` see more."""

KEY, OTHER = "{key}", "{other}"
TRIES: tuple[tuple[str, ...], ...] = (
    ("SET", KEY, "1", "EX", "10"),
    *((name, KEY) for name in ("GET", "MGET", "EXISTS", "TTL", "PTTL", "PEXPIRETIME")),
    ("PEXPIRE", KEY, "10000"),
    ("EXPIRE", KEY, "10"),
    *((name, KEY) for name in ("HGETALL", "HKEYS", "HVALS", "HLEN", "LLEN", "LPOP", "SMEMBERS", "ZCARD")),
    *((name, KEY, "a") for name in ("HGET", "HMGET", "HDEL", "HEXISTS", "HSCAN", "LPOS", "LPUSH", "RPUSH")),
    *((name, KEY, "a") for name in ("SADD", "SREM", "ZREM", "ZSCORE", "ZMSCORE")),
    *((name, KEY, "0", "1") for name in ("LRANGE", "LTRIM", "ZRANGE", "ZCOUNT", "ZRANGEBYSCORE")),
    *((name, KEY, "0", "1") for name in ("ZREVRANGEBYSCORE", "ZREMRANGEBYSCORE")),
    *((name, KEY, "a", "1") for name in ("HSET", "HSETNX", "HINCRBY")),
    ("LREM", KEY, "1", "a"),
    ("LSET", KEY, "0", "a"),
    ("LINDEX", KEY, "0"),
    ("ZADD", KEY, "1", "a"),
    ("SETRANGE", KEY, "0", "1"),
    ("XADD", KEY, "*", "a", "1"),
    ("XRANGE", KEY, "-", "+"),
    ("XREVRANGE", KEY, "+", "-"),
    ("XTRIM", KEY, "MAXLEN", "0"),
    ("ZSCAN", KEY, "0"),
    ("BLMOVE", KEY, KEY, "LEFT", "LEFT", "0.01"),
    ("EVAL", "return 1", "1", KEY),
    ("SCRIPT", "LOAD", "return 1"),
    ("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "1", KEY),  # what was loaded just now
    ("TIME",),
    ("INFO",),
    ("PUBLISH", KEY, ""),
    ("PUBSUB", "NUMSUB", KEY),
    ("MSETNX", KEY, "1", OTHER, "1"),
    ("RENAME", KEY, OTHER),
    ("DEL", KEY, OTHER),
)
"""Every command that our scripts, SAQ or we send, in a form that does no harm."""
NAMESPACES = ("jobctl:doctor:", "saq:doctor:")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that the user may not send, or not on keys (or channels) of this kind."""

    command: str
    namespace: str
    reason: str


async def refusals(redis: Redis) -> list[Refusal]:
    """Try every command in both namespaces; return what was refused. Three round trips; leaves nothing behind.

    Raises:
        redis.exceptions.RedisError: no broker answers.
    """
    found = []
    for namespace in NAMESPACES:
        key = namespace + secrets.token_hex(6)
        pipe = redis.pipeline(transaction=False)
        for words in TRIES:
            pipe.execute_command(*(word.format(key=key, other=key + ":other") for word in words))
        answers: list[Any] = await pipe.execute(raise_on_error=False)
        found += [
            Refusal(words[0], namespace.partition(":")[0] + ":*", str(answer))
            for words, answer in zip(TRIES, answers, strict=True)
            if _is_refusal(answer)
        ]
    if (reason := await _refuses_subscription(redis)) is not None:
        found.append(Refusal("SUBSCRIBE", "jobctl:*", reason))
    return found


async def _refuses_subscription(redis: Redis) -> str | None:
    from redis import exceptions

    async with redis.pubsub() as subscription:
        try:
            await subscription.subscribe("jobctl:doctor")
            await subscription.get_message(timeout=1.0)
        except exceptions.NoPermissionError as error:
            return str(error)
    return None


def _is_refusal(answer: Any) -> bool:
    from redis import exceptions

    return isinstance(answer, exceptions.NoPermissionError)
