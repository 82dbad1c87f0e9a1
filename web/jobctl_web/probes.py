"""What a supervisor or a load balancer asks: whether the console runs, and whether its broker is there.

Nobody has to log in for it, no session begins, and nothing else is said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LIVE = "/healthz"
READY = "/readyz"
AWAY = 503


class Probes:
    """Answers ``/healthz`` and ``/readyz`` with ``ok`` or ``broker away``, and hands everything else on.

    Both say the same; without a broker ``/healthz`` is still a 200, for a restart would not bring it back, and the
    pages say themselves what is wrong. ``/readyz`` is a 503 then.

    Args:
        app: what comes behind it.
        has_broker: whether the broker answers; asked by strangers, so that it has to be cheap.
    """

    def __init__(self, app: ASGIApp, has_broker: Callable[[], Awaitable[bool]]) -> None:
        self._app = app
        self._has_broker = has_broker

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a probe."""
        if scope["type"] != "http" or scope["path"] not in (LIVE, READY):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "POST":
            await PlainTextResponse("Not in this way.\n", 405)(scope, receive, send)
            return
        if await self._has_broker():
            answer = PlainTextResponse("ok\n")
        else:
            answer = PlainTextResponse("broker away\n", AWAY if scope["path"] == READY else 200)
        await answer(scope, receive, send)
