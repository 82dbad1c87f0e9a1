"""A browser before the console in-process: cookies, forms with their secret, an origin."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

import httpx

from jobctl_web.app import Web

ORIGIN = "http://localhost:8484"
SECRET = "hunter2-of-the-mail-service"
PASSWORD = "correct horse battery"
TOKEN = "0123456789abcdef0123456789abcdef"
PROXY = "10.1.2.3"


class Browser:
    """A browser: it keeps cookies, and sends a form's secret, as the last page had it, and where it comes from."""

    def __init__(self, web: Web, address: str = "127.0.0.1", origin: str = ORIGIN) -> None:
        self.web, self.address, self.origin = web, address, origin
        transport = httpx.ASGITransport(web.asgi, client=(address, 5000), raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url=origin)
        self.csrf = ""
        self.page: httpx.Response | None = None

    def with_cookie(self, session: str) -> Browser:
        """Return another browser that has got hold of a session's id."""
        other = Browser(self.web, self.address, self.origin)
        other.client.cookies.set("jobctl_session", session)
        return other

    async def get(self, path: str, **headers: str) -> httpx.Response:
        self.page = await self.client.get(path, headers=headers)
        found = re.search(r'name="csrf" value="([^"]+)"', self.page.text)
        self.csrf = found[1] if found else self.csrf
        return self.page

    async def post(
        self, path: str, form: Mapping[str, str | list[str]] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        body = {"csrf": self.csrf, **(form or {})}
        known = {"origin": self.origin, "sec-fetch-site": "same-origin"}
        return await self.client.post(path, data=body, headers={**known, **(headers or {})})

    async def told(self, answer: httpx.Response) -> str:
        """Follow an action's answer and return the notice it leads to."""
        assert answer.status_code == 303, answer.text
        page = await self.get(answer.headers["location"])
        return " ".join(
            text_of(each) for each in re.findall(r'<div class="notice (?:done|refused)".*?</div>', page.text)
        )

    async def log_in(self, name: str, password: str) -> httpx.Response:
        await self.get("/login")
        return await self.post("/login", {"name": name, "password": password, "next": "/"})


def text_of(markup: str) -> str:
    """Return what a reader sees of a page."""
    plain = re.sub(r"<script.*?</script>|<[^>]+>", " ", markup, flags=re.DOTALL)
    return " ".join(html.unescape(plain).split())
