"""Sending commands without losing cancellations.

redis-py bounds the sending of a command with `asyncio.wait_for`. In Python 3.11 that can swallow a cancellation which
arrives in the moment the command has been sent: the task goes on as if nobody had stopped it, and whoever waits for
its end waits for ever. Python 3.12 has mended `wait_for`; until 3.11 is left behind, our connections use
`asyncio.timeout`, which also saves a task per command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import cache
from typing import Any

from redis import exceptions


class _Cancellable:
    async def send_packed_command(self: Any, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        """Send a packed command within the connection's `socket_timeout`."""
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()
        if isinstance(command, str):
            command = command.encode()
        chunks = [command] if isinstance(command, bytes) else command
        try:
            self._writer.writelines(chunks)
            if self._writer.transport.get_write_buffer_size() == 0:
                return  # the system has taken all of it: there is nothing to wait for
            async with asyncio.timeout(self.socket_timeout):
                await self._writer.drain()
        except BaseException as error:
            # What was sent in part cannot be taken back: the next command needs a new connection.
            await self.disconnect(nowait=True)
            if isinstance(error, TimeoutError):
                raise exceptions.TimeoutError(f"a command could not be sent in {self.socket_timeout:g} s") from error
            if isinstance(error, OSError):
                raise exceptions.ConnectionError(f"a command could not be sent: {error}") from error
            raise

    async def can_read_destructive(self: Any) -> bool:
        """Whether something has come that nobody asked for. The pool asks before it gives a connection out.

        redis-py reads with a timeout of 0 to find out. In Python 3.11 that takes a cancellation that was asked for just
        before (by Ctrl-C in the middle of a computation, say) for the end of its time, and swallows it.

        Raises:
            redis.exceptions.ConnectionError: the server has closed the connection.
        """
        await asyncio.sleep(0)  # the event loop takes meanwhile what has come
        reader = self._reader
        if reader is None or reader.at_eof():
            await self.disconnect(nowait=True)
            raise exceptions.ConnectionError("the server has closed the connection")
        return bool(reader._buffer) or self._parser._reader.has_data()


@cache
def cancellable(connection_class: type[Any]) -> type[Any]:
    """Return a subclass of an asyncio connection class whose sending can be cancelled."""
    return type(f"Cancellable{connection_class.__name__}", (_Cancellable, connection_class), {})
