"""Waiting for answers: without a timer for each, and without going to sleep for a moment.

redis-py bounds every wait for an answer with a timer of its own, which costs as much as a small command. Our
connections share one timer between all their waits: it looks, once in a `socket_timeout`, whether the wait of now is
late, and breaks the connection if it is.

A processor with nothing to do falls asleep, and takes longer to wake up than a broker on the same machine takes to
answer. A connection with `looks_for_ns` therefore looks for its answer so long before it sleeps. The event loop goes
round meanwhile, other tasks run. When an answer has not come in that time, the broker is far away or busy, and the next
`LOOKS_LATER` answers are not looked for: what is wasted on a far one is under 1 %.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache
from typing import Any

from redis import exceptions

LOOKS_LATER = 30  # answers


class _Watched:
    looks_for_ns = 0
    _looks_in = 0  # so many answers from now
    _timer: asyncio.TimerHandle | None = None
    _waits_since_s: float | None = None  # by the loop's clock
    _is_late: bool = False

    async def read_response(
        self: Any,
        disable_decoding: bool = False,
        timeout: float | None = None,
        *,
        disconnect_on_error: bool = True,
        push_request: bool | None = False,
    ) -> Any:
        """Read the answer to a command within the connection's `socket_timeout`."""
        if timeout is not None or self.socket_timeout is None or not disconnect_on_error or self.protocol in ("3", 3):
            return await super().read_response(  # type: ignore[misc]
                disable_decoding, timeout, disconnect_on_error=disconnect_on_error, push_request=push_request
            )
        loop = asyncio.get_running_loop()
        self._waits_since_s = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self.socket_timeout, self._check)
        try:
            if self.looks_for_ns:
                await self._look_out()
            response = await self._parser.read_response(disable_decoding=disable_decoding)
        except BaseException as error:
            # Broken, or cancelled in the middle: what the connection says next would answer somebody else.
            is_late, self._is_late = self._is_late, False
            await self.disconnect(nowait=True)
            if is_late and not isinstance(error, asyncio.CancelledError):
                raise exceptions.TimeoutError(f"no answer within {self.socket_timeout:g} s") from error
            if isinstance(error, OSError):
                raise exceptions.ConnectionError(f"the connection broke: {error}") from error
            raise
        finally:
            self._waits_since_s = None
        if self.health_check_interval:
            self.next_health_check = loop.time() + self.health_check_interval
        if isinstance(response, exceptions.ResponseError):
            raise response from None
        return response

    async def _look_out(self: Any) -> None:
        if self._looks_in > 0:
            self._looks_in -= 1
            return
        until_ns = time.monotonic_ns() + self.looks_for_ns
        arrived = self._reader._buffer
        while not arrived:
            if time.monotonic_ns() > until_ns:
                self._looks_in = LOOKS_LATER
                return
            await asyncio.sleep(0)

    async def disconnect(self: Any, *args: Any, **options: Any) -> None:
        """Disconnect, and forget the timer: the next connection may be another event loop's."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await super().disconnect(*args, **options)  # type: ignore[misc]

    def _check(self: Any) -> None:
        self._timer = None
        if self._waits_since_s is None:
            return  # nobody waits: the next one who does sets the timer
        loop = asyncio.get_running_loop()
        late_at_s = self._waits_since_s + self.socket_timeout
        if loop.time() < late_at_s:
            self._timer = loop.call_at(late_at_s, self._check)
        elif self._writer is not None:
            self._is_late = True
            self._writer.transport.abort()


@cache
def watched(connection_class: type[Any]) -> type[Any]:
    """Return a subclass of an asyncio connection class whose waits share a timer."""
    return type(f"Watched{connection_class.__name__}", (_Watched, connection_class), {})
