"""Who asks: the session behind the cookie, and the identity behind session, token or proxy."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from jobctl.clock import Clock, SystemClock
from jobctl.inspector import audit
from jobctl_web.config import Network, Token, WebConfig, is_within, token_digest
from jobctl_web.passwords import check_password
from jobctl_web.roles import Identity, Role
from jobctl_web.sessions import Session, Sessions
from jobctl_web.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

COOKIE = "jobctl_session"
SECURE_COOKIE = "__Host-jobctl_session"  # browsers take it by TLS only, from us only, for all paths only
CHECKED_AT_ONCE = 2  # passwords: each takes 16 MiB and a tenth of a second


@dataclass(frozen=True, slots=True)
class Visit:
    """One request's facts.

    Attributes:
        session: of the browser; a program with a token has one for this request alone.
        identity: None = nobody, who has to log in.
        is_forgeable: whether the browser attaches the identity by itself, so that a form's secret must be checked.
    """

    session: Session
    identity: Identity | None
    address: str
    is_forgeable: bool

    def may(self, role: Role) -> bool:
        """Whether somebody is there who may do what a role may."""
        return self.identity is not None and self.identity.may(role)

    def brings(self, csrf: str) -> bool:
        """Whether a form came from one of our own pages."""
        return not self.is_forgeable or hmac.compare_digest(csrf.encode(), self.session.csrf.encode())


class Access:
    """Logins and sessions. As middleware it puts a `Visit` into every request's ``scope["state"]["visit"]``."""

    def __init__(self, config: WebConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self.sessions = Sessions(self._clock)
        self._throttle = Throttle(self._clock)
        self._checking = asyncio.Semaphore(CHECKED_AT_ONCE)
        self._local = Identity(audit.default_actor(), Role.ADMIN, "local")

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """Return an application that knows who asks."""

        async def with_visit(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            visit, is_new = self._visit(scope)
            scope.setdefault("state", {})["visit"] = visit

            async def with_cookie(message: Message) -> None:
                if message["type"] == "http.response.start":
                    state = scope["state"]
                    if "session" in state:  # logged in or out: another one from now on
                        MutableHeaders(scope=message).append("set-cookie", self._cookie(scope, state["session"]))
                    elif is_new:
                        MutableHeaders(scope=message).append("set-cookie", self._cookie(scope, visit.session))
                await send(message)

            await app(scope, receive, with_cookie)

        return with_visit

    def is_alive(self, visit: Visit) -> bool:
        """Whether the visit's session still stands: a stream lasts longer than a request."""
        return not visit.is_forgeable or self.sessions.is_open(visit.session)

    async def log_in(self, address: str, name: str, password: str) -> Identity | float | None:
        """Check a password, or a token where no name is given.

        Returns:
            the identity; None = wrong; or how many seconds to wait before the next try is looked at.
        """
        async with self._checking:  # also counted in there: tries side by side must not pass the throttle together
            if wait_s := self._throttle.wait_s(address, name):
                return wait_s
            if name:
                identity = await self._of_user(name, password)
            else:
                identity = self._of_token(password)
            if identity is None:
                self._throttle.failed(address, name)
                log.warning("login failed", extra={"user": name, "address": address})
            else:
                self._throttle.succeeded(address, name)
                log.info("logged in", extra={"user": identity.name, "address": address, "role": identity.role.word})
            return identity

    def _visit(self, scope: Scope) -> tuple[Visit, bool]:
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        address = speaker(peer, headers.getlist("x-forwarded-for"), self._config.forwarders)
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._program(address, token.strip()), False
        session = self._found(scope, headers)
        is_new = session is None
        if session is None:
            session = self.sessions.open()
        identity = self._of_proxy(headers, peer) or session.identity
        if identity is None and not self._config.has_credentials:
            identity = Identity(self._local.name, self._capped(self._local.role), "local")
        return Visit(session, identity, address, is_forgeable=True), is_new

    def _program(self, address: str, token: str) -> Visit:
        identity = None
        if not self._throttle.wait_s(address, ""):
            identity = self._of_token(token)
            if identity is None:
                self._throttle.failed(address, "")
                log.warning("unknown token", extra={"address": address})
        now = self._clock.time()
        return Visit(Session("", "", now, now), identity, address, is_forgeable=False)

    def _found(self, scope: Scope, headers: Headers) -> Session | None:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except Exception:  # cookies of others on this host may hold anything
            return None
        name = self._cookie_name(scope)  # the other one, which anybody near the browser can plant, is not looked at
        return self.sessions.find(jar[name].value) if name in jar else None

    async def _of_user(self, name: str, password: str) -> Identity | None:
        user = self._config.users.get(name)
        is_right = await asyncio.to_thread(check_password, password, user.password_hash if user else None)
        return Identity(user.name, self._capped(user.role), "password") if user and is_right else None

    def _of_token(self, token: str) -> Identity | None:
        digest = token_digest(token)
        found: Token | None = None
        for each in self._config.tokens:  # all of them, whichever fits: the time tells nothing
            if hmac.compare_digest(each.digest, digest):
                found = each
        return Identity(found.name, self._capped(found.role), "token") if found else None

    def _of_proxy(self, headers: Headers, address: str) -> Identity | None:
        proxy = self._config.proxy
        if proxy is None or not proxy.trusts(address):
            return None
        names = headers.getlist(proxy.header)
        if len(names) != 1 or not names[0].strip():  # two: one of them is not the proxy's
            return None
        name = names[0].strip()
        role = proxy.roles.get(name, proxy.role)
        return None if role is None else Identity(name, self._capped(role), "proxy")

    def _capped(self, role: Role) -> Role:
        return Role.VIEWER if self._config.is_read_only else role

    def _cookie(self, scope: Scope, session: Session) -> str:
        name = self._cookie_name(scope)
        # Lax: a link in a message leads to the page; a form elsewhere brings no cookie.
        return f"{name}={session.id}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if name == SECURE_COOKIE else "")

    def _cookie_name(self, scope: Scope) -> str:
        return SECURE_COOKIE if self._config.is_secure or scope.get("scheme") == "https" else COOKIE


def speaker(peer: str, forwarded: Sequence[str], forwarders: Collection[Network]) -> str:
    """Return the address for which a peer speaks: its own, unless it is one of our proxies.

    Args:
        forwarded: the values of ``X-Forwarded-For``. Proxies add to the right; what stands to the left of the first
            that is not one of ours, a client may have written itself.

    Example:
        >>> ours = [ipaddress.ip_network("10.0.0.0/8")]
        >>> speaker("10.0.0.1", ["6.6.6.6, 192.0.2.7"], ours), speaker("192.0.2.7", ["10.0.0.1"], ours)
        ('192.0.2.7', '192.0.2.7')
    """
    found = peer
    for each in reversed([part.strip() for value in forwarded for part in value.split(",")]):
        if not is_within(found, forwarders):
            break
        try:
            ipaddress.ip_address(each)
        except ValueError:
            break
        found = each
    return found
