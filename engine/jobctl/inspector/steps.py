"""Readings of several round trips, written once for both clients.

A reading is a generator: it yields a function that puts commands into a pipeline, is sent their answers, and returns
what it was for. It never waits itself, so that the asyncio and the blocking client read alike.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    import redis
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline
    from redis.client import Pipeline as BlockingPipeline

T = TypeVar("T")
AnyPipeline: TypeAlias = "Pipeline | BlockingPipeline"
Fill = Callable[[AnyPipeline], object]
Steps = Generator[Fill, list[Any], T]


async def read(client: Redis, steps: Steps[T]) -> T:
    """Read through an asyncio client.

    Raises:
        redis.exceptions.RedisError: the broker did not answer.
    """
    try:
        fill = next(steps)
        while True:
            pipe = client.pipeline(transaction=False)
            fill(pipe)
            fill = steps.send(await pipe.execute())
    except StopIteration as end:
        result: T = end.value
        return result


def read_blocking(client: redis.Redis, steps: Steps[T]) -> T:
    """Read through a blocking client.

    Raises:
        redis.exceptions.RedisError: the broker did not answer.
    """
    try:
        fill = next(steps)
        while True:
            pipe = client.pipeline(transaction=False)
            fill(pipe)
            fill = steps.send(pipe.execute())
    except StopIteration as end:
        result: T = end.value
        return result
