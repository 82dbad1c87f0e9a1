"""Running scripts without the client library's machinery for each command, which costs more than the script itself.

A call takes a connection to itself for as long as it lasts, so any number of tasks may call at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis import exceptions

from jobctl.broker.scripts import digest, source

if TYPE_CHECKING:
    from redis.asyncio import Redis

LOOKS_FOR_NS = (
    60_000  # see `answering`; measured on two cores: a call of 82 us took 58, of the processor's time 34 and 55
)
KEPT = 2  # connections a caller keeps to itself between calls; taking one from the pool costs half a call


class Direct:
    """Runs our scripts on connections of a client's pool.

    Args:
        client: an asyncio client; its answers are bytes.
        kept: connections kept from the pool between calls; 0 if the pool is not ours.
    """

    def __init__(self, client: Redis, *, kept: int = KEPT) -> None:
        self._pool = client.connection_pool
        self._most_kept = kept
        self._kept: list[Any] = []
        self._calls = 0

    async def run(self, script: str, keys: Sequence[Any], args: Sequence[Any], *, is_small: bool = False) -> Any:
        """Run a script and return its answer.

        It is sent again, as often as the pool's connections are set to retry, when the connection breaks: it must
        know its own repetition.

        Args:
            script: named as `source` names it.
            keys: its KEYS.
            args: its ARGV.
            is_small: the broker is done with it in microseconds: worth looking for the answer before sleeping,
                unless other calls give this process something to do.

        Raises:
            redis.exceptions.RedisError: the connection broke once too often, or the server refused.
        """
        connection = self._kept.pop() if self._kept else await self._pool.get_connection()  # type: ignore[no-untyped-call]

        self._calls += 1
        connection.looks_for_ns = LOOKS_FOR_NS if is_small and self._calls == 1 else 0

        async def ask() -> Any:
            for command, named in (("EVALSHA", digest(script)), ("EVAL", source(script))):
                await connection.send_packed_command(connection.pack_command(command, named, len(keys), *keys, *args))
                try:
                    return await connection.read_response()
                except exceptions.NoScriptError:
                    continue  # first use, or a restarted or failed-over server: its script cache is empty
            raise exceptions.NoScriptError("the server forgot the script between two calls")

        async def give_up(_: Exception) -> None:
            await connection.disconnect(nowait=True)

        try:
            return await connection.retry.call_with_retry(ask, give_up)
        except exceptions.ResponseError:
            raise
        except BaseException:
            # Broken, or cancelled in the middle: what the connection says next would answer somebody else.
            await connection.disconnect(nowait=True)
            raise
        finally:
            self._calls -= 1
            connection.looks_for_ns = 0
            if len(self._kept) < self._most_kept:
                self._kept.append(connection)
            else:
                await self._pool.release(connection)

    async def close(self) -> None:
        """Give the kept connections back to the pool."""
        while self._kept:
            await self._pool.release(self._kept.pop())
