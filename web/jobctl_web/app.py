"""The console as an ASGI application: addresses, pages, streams, and what is said where something is wrong."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.staticfiles import StaticFiles

from jobctl import __version__
from jobctl.errors import BrokerError, JobctlError
from jobctl_web.access import Access, Visit
from jobctl_web.action import Action, Order
from jobctl_web.actions import ACTIONS
from jobctl_web.console import Console
from jobctl_web.guard import Guard, TooLong, TooSlow
from jobctl_web.live import Live, Parts, TooManyViewers
from jobctl_web.login import login_routes
from jobctl_web.page import Ask, Missing, Page
from jobctl_web.pages import PAGES, SECTIONS
from jobctl_web.probes import Probes
from jobctl_web.templating import Templates

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
LOGIN = "/login"
UNAVAILABLE = 503


class Web:
    """The application's parts. ``asgi`` is what a server runs.

    Args:
        console: what the pages stand on.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Live()
        self._static = f"/static/{_digest(STATIC)}"
        self.templates = Templates({"static": self._static, "sections": SECTIONS, "version": __version__})
        self._page_routes = [Route(page.path, self._page(page), name=page.path) for page in PAGES]
        self._by_route = {page.path: page for page in PAGES}
        routes: list[BaseRoute] = [
            Mount(self._static, StaticFiles(directory=STATIC)),
            Route("/live", self._stream),
            *login_routes(self),
            *(Route(action.path, self._action(action), methods=["POST"]) for action in ACTIONS),
            *self._page_routes,
        ]
        pages = Starlette(
            routes=routes,
            middleware=[Middleware(_WithVisit, access=console.access)],
            exception_handlers={
                HTTPException: self._http_error,
                Missing: self._missing,
                JobctlError: self._known_error,
                TooLong: _too_long,
                TooSlow: _too_slow,
                Exception: self._unknown_error,
            },
            lifespan=self._lifespan,
        )
        # it would lead to an absolute address, which behind a proxy with TLS is one without
        pages.router.redirect_slashes = False
        # the guard stands outside of everything: what it adds has to be on the answer to a fault as well
        self.asgi: ASGIApp = Guard(
            Probes(pages, console.has_broker),
            hosts={console.config.host, *console.config.hosts},
            static=f"{self._static}/",
        )

    def draw(self, request: Request, template: str, values: dict[str, Any], *, section: str = "", status: int = 200,
             page: Page | None = None) -> Response:  # fmt: skip
        """Return a whole page."""
        visit: Visit = request.state.visit
        context = {
            **self._context(visit.identity.role if visit.identity else 0),
            "me": visit.identity,
            "csrf": visit.session.csrf,
            "notices": visit.session.take_notices(),
            "section": section,
            "here": _here(request),
            "is_live": page is not None and page.every_s > 0,
            "has_login": self.console.config.has_credentials,
            **values,
        }
        return HTMLResponse(self.templates.page(template, context), status)

    def _context(self, role: int) -> dict[str, Any]:
        return {"role": role, "plan": self.console.plan, "is_read_only": self.console.config.is_read_only}

    def _page(self, page: Page) -> Any:
        async def endpoint(request: Request) -> Response:
            visit: Visit = request.state.visit
            if visit.identity is None:
                return _to_login(request)
            if not visit.may(page.role):
                raise HTTPException(403)
            ask = Ask(request.path_params, request.query_params, visit.identity.role)
            values = await page.load(self.console, ask)
            return self.draw(request, page.template, values, section=page.section, page=page)

        return endpoint

    def _action(self, action: Action) -> Any:
        async def endpoint(request: Request) -> Response:
            visit: Visit = request.state.visit
            if visit.identity is None:
                return _to_login(request)
            async with request.form(max_files=0, max_fields=2_000) as form:
                given = {name: [str(value) for value in form.getlist(name)] for name in form}
            if not visit.brings("".join(given.get("csrf", [""]))):
                raise HTTPException(403, "this form is too old, or not one of this console: load the page again")
            if not visit.may(action.role):
                raise HTTPException(403)
            order = Order(self, request, visit.identity, given)
            try:
                return await action.act(order)
            except BrokerError:
                raise
            except JobctlError as error:
                return order.refused(error.message, error.hint)
            finally:
                self.console.changed()

        return endpoint

    async def _stream(self, request: Request) -> Response:
        """Answer with the events of the page that the address names."""
        visit: Visit = request.state.visit
        if request.method != "GET":
            raise HTTPException(405)  # a HEAD would be answered without end
        if visit.identity is None:
            return PlainTextResponse("log in first\n", 401)
        address, _, query = request.query_params.get("page", "/").partition("?")
        path = unquote(address)
        scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "query_string": query.encode()}
        scope["headers"] = []
        for route in self._page_routes:
            match, found = route.matches(scope)
            page = self._by_route[route.path]
            if match is Match.FULL and page.every_s and visit.may(page.role):
                asked = Request({**scope, **found})
                return self._events(page, Ask(asked.path_params, asked.query_params, visit.identity.role), path, visit)
        return PlainTextResponse("there is no such live page\n", 404)

    def _events(self, page: Page, ask: Ask, path: str, visit: Visit) -> Response:
        async def render() -> Parts:
            values = await page.load(self.console, ask)
            return self.templates.parts(page.template, {**self._context(ask.role), **values})

        name = (path, str(ask.query), ask.role)
        access = self.console.access
        events = self.live.follow(name, render, page.every_s, lambda: access.is_alive(visit))
        return StreamingResponse(
            _until_full(events), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        self.live.close()

    async def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        known = {404: "There is nothing here.", 403: "You may not do this.", 405: "Not in this way."}
        is_ours = error.detail and error.status_code == 403 and error.detail != "Forbidden"
        text = error.detail if is_ours else known.get(error.status_code, "This cannot be answered.")
        return self._told(request, error.status_code, text)

    async def _missing(self, request: Request, error: Exception) -> Response:
        return self._told(request, 404, str(error))

    async def _known_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, JobctlError)  # noqa: S101 - registered for it
        is_broker = error.code.startswith("broker.")
        return self._told(request, UNAVAILABLE if is_broker else 400, error.message, error.hint or "")

    async def _unknown_error(self, request: Request, _: Exception) -> Response:
        # Starlette raises it again behind this answer, so that the server logs it; the browser learns nothing of it.
        return self._told(request, 500, "Something went wrong in the console. Its log says what.")

    def _told(self, request: Request, status: int, text: str, hint: str = "") -> Response:
        if "visit" not in request.scope.get("state", {}):
            return PlainTextResponse(f"{text}\n", status)
        return self.draw(request, "error.html", {"status": status, "text": text, "hint": hint}, status=status)


class _WithVisit:
    """The middleware of `Access`, as Starlette wants it."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = access.middleware(app)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


def _here(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _to_login(request: Request) -> Response:
    if request.method != "GET":
        return RedirectResponse(LOGIN, 303)
    return RedirectResponse(f"{LOGIN}?{urlencode({'next': _here(request)}, quote_via=quote)}", 303)


async def _until_full(events: AsyncIterator[str]) -> AsyncIterator[str]:
    try:
        async for event in events:
            yield event
    except TooManyViewers:
        yield "event: full\ndata: {}\n\n"


async def _too_long(_: Request, __: Exception) -> Response:
    return PlainTextResponse("refused: too many bytes\n", 413)


async def _too_slow(_: Request, __: Exception) -> Response:
    return PlainTextResponse("refused: the rest did not come in time\n", 408, {"connection": "close"})


def _digest(folder: Path) -> str:
    """Return a short name that changes whenever a file of the folder does."""
    seen = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            seen.update(path.name.encode() + path.read_bytes())
    return seen.hexdigest()[:12]
