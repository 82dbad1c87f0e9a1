"""Logging in and out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from jobctl.durations import format_duration
from jobctl_web.access import Visit
from jobctl_web.roles import Identity

if TYPE_CHECKING:
    from jobctl_web.app import Web

LONGEST = 200  # characters of a name or password: hashing more is work for whoever asks


def login_routes(web: Web) -> list[Route]:
    """Return the routes of the login page."""

    async def show(request: Request) -> Response:
        visit: Visit = request.state.visit
        onward = local_path(request.query_params.get("next", ""))
        if visit.identity is not None:
            return RedirectResponse(onward, 303)
        return _page(web, request, onward)

    async def enter(request: Request) -> Response:
        visit: Visit = request.state.visit
        async with request.form(max_files=0, max_fields=10) as form:
            given = {name: str(form.get(name, "")) for name in ("csrf", "name", "password", "next")}
        if not visit.brings(given["csrf"]):
            raise HTTPException(403, "this form is too old, or not one of this console: load the page again")
        onward = local_path(given["next"])
        name, password = given["name"].strip(), given["password"]
        if len(name) > LONGEST or len(password) > LONGEST:
            return _page(web, request, onward, problem="Name and password do not match.", status=401)
        found = await web.console.access.log_in(visit.address, name, password)
        if isinstance(found, Identity):
            # A new session: whoever knew the old one's id, or planted it, has nothing.
            web.console.access.sessions.close(visit.session.id)
            request.state.session = web.console.access.sessions.open(found)
            return RedirectResponse(onward, 303)
        if found is None:
            return _page(web, request, onward, problem="Name and password do not match.", status=401)
        wait = format_duration(math.ceil(found))
        answer = _page(
            web, request, onward, problem=f"Too many tries. The next one is looked at in {wait}.", status=429
        )
        answer.headers["retry-after"] = str(math.ceil(found))
        return answer

    async def leave(request: Request) -> Response:
        visit: Visit = request.state.visit
        async with request.form(max_files=0, max_fields=10) as form:
            csrf = str(form.get("csrf", ""))
        if not visit.brings(csrf):
            raise HTTPException(403, "this form is too old, or not one of this console: load the page again")
        web.console.access.sessions.close(visit.session.id)
        request.state.session = web.console.access.sessions.open()
        return RedirectResponse("/login", 303)

    return [
        Route("/login", show, methods=["GET"]),
        Route("/login", enter, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
    ]


def local_path(text: str) -> str:
    """Return an address of this console to go on to; the first page for anything that could lead elsewhere.

    Example:
        >>> local_path("/jobs?state=dead"), local_path("//evil.example"), local_path("https://evil.example/")
        ('/jobs?state=dead', '/', '/')
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if is_local and text.isprintable() and "\\" not in text else "/"


def _page(web: Web, request: Request, onward: str, *, problem: str = "", status: int = 200) -> Response:
    has_users = bool(web.console.config.users)
    values = {"next": onward, "problem": problem, "has_users": has_users, "has_tokens": bool(web.console.config.tokens)}
    return web.draw(request, "login.html", values, status=status)
