"""What supervisors ask: without a login, without a session, and with nothing else said."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis.asyncio import Redis
from tests.web.browser import Browser

from jobctl.compiler.plan import Plan
from jobctl_web.app import Web
from jobctl_web.config import WebConfig
from jobctl_web.console import Console


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probe_is_answered_without_a_login_or_a_session(
    open_web: Callable[..., Web], guarded: WebConfig, path: str
) -> None:
    browser = Browser(open_web(guarded))

    answer = await browser.get(path)

    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert (await browser.client.head(path)).status_code == 200
    assert "set-cookie" not in answer.headers
    assert len(browser.web.console.access.sessions) == 0


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/readyz", 503)])
async def test_probe_says_that_the_broker_is_away(plan: Plan, path: str, status: int) -> None:
    async with Redis.from_url("redis://127.0.0.1:1") as nowhere:
        answer = await Browser(Web(Console(nowhere, plan, WebConfig()))).get(path)

    assert (answer.status_code, answer.text) == (status, "broker away\n")


async def test_probe_does_not_wait_for_a_broker_that_hangs(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr("jobctl_web.console.PING_TIMEOUT_S", 0.05)

    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    gone = asyncio.Event()
    async with await asyncio.start_server(never, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Redis.from_url(f"redis://127.0.0.1:{port}") as hanging:
            answer = await Browser(Web(Console(hanging, plan, WebConfig()))).get("/readyz")
        gone.set()

    assert answer.text == "broker away\n"


async def test_many_probes_ask_the_broker_once(browser: Browser, redis: Redis) -> None:
    before = (await redis.info("commandstats"))["cmdstat_ping"]["calls"] if await redis.ping() else 0
    for _ in range(20):
        await browser.get("/healthz")

    after = (await redis.info("commandstats"))["cmdstat_ping"]["calls"]
    assert after - before < 20


async def test_probe_is_no_way_around_the_guard(browser: Browser) -> None:
    assert (await browser.client.get("/healthz", headers={"host": "evil.example"})).status_code == 421
    assert (await browser.client.post("/healthz")).status_code == 405
