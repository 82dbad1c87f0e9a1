"""The gate before everything else: which requests are let in at all, and what every answer says to the browser.

It knows nothing of users. Each refusal is one line without a trace of the server.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 2 * 2**20  # bytes; payloads above it belong into a file or a database
BODY_S = 30.0  # in which a whole body has to come
SAFE_METHODS = frozenset({"GET", "HEAD"})
METHODS = SAFE_METHODS | {"POST"}
YEAR_S = 31_536_000

# No inline scripts or styles, nothing from elsewhere, in nobody's frame: a payload that slips through as HTML is inert.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guard:
    """Refuses foreign hosts, forged requests and endless bodies, and adds the security headers.

    Args:
        app: what comes behind it.
        hosts: names the console goes by; IP literals and ``localhost`` are its names as well. A page elsewhere can
            point its own name at our address (DNS rebinding), but it cannot make the browser send another name.
        static: path below which answers may be kept for ever: their address changes with their content.
        body_s: seconds in which a whole body has to come.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], static: str, body_s: float = BODY_S) -> None:
        self._app = app
        self._body_s = body_s
        self._hosts = frozenset(hosts) | {"localhost"}
        self._static = static

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no websockets here: their handshake is left without an answer
        is_static = scope["path"].startswith(self._static)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                is_kept = is_static and message["status"] in (200, 304)
                headers["cache-control"] = f"public, max-age={YEAR_S}, immutable" if is_kept else "no-store"
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            status, text = refusal
            await PlainTextResponse(f"{text}\n", status)(scope, receive, told)
            return
        await self._app(scope, _limited(receive, self._body_s), told)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 421, "this console does not go by that name; see `--allow-host`"
        method = scope["method"]
        if method not in METHODS:
            return 405, "only GET and POST are answered"
        site = headers.get("sec-fetch-site", "")
        if method not in SAFE_METHODS:
            if site and site != "same-origin":
                return 403, "refused: the request comes from another site"
            origin = headers.get("origin")
            if origin is not None and _netloc(origin) != host.lower():
                return 403, "refused: the request comes from another origin"
            if headers.get("content-length", "").isdigit() and int(headers["content-length"]) > MOST_BODY:
                return 413, f"refused: more than {MOST_BODY} bytes"
        elif site in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
            return 403, "refused: the request comes from another site"
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class TooLong(Exception):
    """A body that goes on beyond what its length said, or said nothing of its length."""


class TooSlow(Exception):
    """A body that did not come in time."""


def _netloc(origin: str) -> str | None:
    """Return host and port of an origin; None = it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _limited(receive: Receive, within_s: float) -> Receive:
    """Return a `receive` whose body ends within bounds; what comes behind it, such as the end of the line, has none."""
    left = MOST_BODY
    until: float | None = asyncio.get_running_loop().time() + within_s

    async def limited() -> Message:
        nonlocal left, until
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise TooSlow from None
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLong
        if not message.get("more_body", False):
            until = None
        return message

    return limited
