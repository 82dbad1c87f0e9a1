"""The page of alerts: what is declared, what was told, what became of it; and trying one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.web.browser import PASSWORD, TOKEN, Browser, text_of

from jobctl.alerts import ledger
from jobctl.alerts.ledger import Told
from jobctl.broker import keys
from jobctl.compiler import bind, load_plan
from jobctl.compiler.plan import Plan
from jobctl.inspector import audit
from jobctl.worker import Worker
from jobctl_web.app import Web
from jobctl_web.config import WebConfig
from jobctl_web.console import Console

SPEC = """\
version: 1
jobs:
  fine: {handler: "alerts_page_app:fine"}
alerts:
  deaths: {when: dead, to: ["exec:true --secret", "$NO_SUCH_VARIABLE_IS_SET"]}
  lagging: {when: age, above: 2m, every: 1h, to: "https://hooks.example.org/T0/secret"}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    path: Path = tmp_path_factory.mktemp("alerts") / "jobs.yaml"
    path.write_text(SPEC)
    return load_plan(str(path))


@pytest.fixture
def work(redis_url: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[None]]:
    """A function that runs a worker until nothing is due."""
    (tmp_path / "alerts_page_app.py").write_text("async def fine(ctx):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)

    async def burst() -> None:
        worker = Worker.for_plan(plan, bind(plan), url=redis_url, burst=True, run_scheduler=False)
        async with asyncio.timeout(20):
            await worker.run()

    return burst


async def page_of(browser: Browser) -> str:
    return text_of((await browser.get("/alerts")).text)


async def test_alerts_are_listed_without_what_is_secret_in_their_destinations(browser: Browser) -> None:
    shown = await page_of(browser)

    assert "deaths dead never looked at" in shown
    assert "lagging age above 2m" in shown
    assert "exec:true" in shown
    assert "https://hooks.example.org/..." in shown
    assert "secret" not in shown
    assert "Nobody watches" in shown


async def test_alert_that_is_told_of_is_firing(browser: Browser, redis: Redis) -> None:
    await redis.set(keys.ALERTS_WATCHER, "w1", px=15_000)
    await ledger.write(redis, "deaths", Told(told_ms=0, seen_ms=5))
    await ledger.write(redis, "lagging", Told(told_ms=1_700_000_000_000, seen_ms=5, is_firing=True))

    shown = await page_of(browser)

    assert "Firing 1 of 2" in shown
    assert "lagging age above 2m firing 2023-11-14 22:13:20 UTC 1h" in shown
    assert "deaths dead quiet" in shown
    assert "Nobody watches" not in shown


async def test_alert_is_tried_and_the_page_says_what_became_of_it(
    browser: Browser, redis: Redis, work: Callable[[], Awaitable[None]]
) -> None:
    await browser.get("/alerts")

    told = await browser.told(await browser.post("/alerts/test", {"alert": "deaths"}))
    waiting = await page_of(browser)
    await work()
    shown = await page_of(browser)

    assert told.startswith("Done. A test of deaths is on its way to 2 destinations")
    assert waiting.count(" queued test ") == 2
    assert "exec:true delivered test" in shown
    assert "$NO_SUCH_VARIABLE_IS_SET dead test" in shown
    assert "which says where to, is not set for this worker" in shown
    assert "Not delivered 1" in shown
    (entry,) = await audit.read(redis)
    assert (entry.action, entry.target, entry.count) == ("alert.test", "deaths", 2)


async def test_only_the_latest_delivery_counts(
    browser: Browser, redis: Redis, work: Callable[[], Awaitable[None]]
) -> None:
    await browser.get("/alerts")
    await browser.post("/alerts/test", {"alert": "deaths"})
    await work()
    await browser.post("/alerts/test", {"alert": "deaths"})

    shown = await page_of(browser)

    assert shown.count(" queued test ") == 2
    assert "Not delivered 0" in shown


async def test_alert_that_nobody_declared_is_not_tried(browser: Browser, redis: Redis) -> None:
    await browser.get("/alerts")

    told = await browser.told(await browser.post("/alerts/test", {"alert": "<b>nope</b>"}))

    assert told == "Refused. No alert <b>nope</b> is declared."
    assert await audit.read(redis) == []


async def test_viewer_sees_alerts_and_tries_none(
    open_web: Callable[..., Web], guarded: WebConfig, redis: Redis
) -> None:
    viewer = Browser(open_web(guarded))
    await viewer.log_in("vera", PASSWORD)

    shown = await viewer.get("/alerts")
    answer = await viewer.post("/alerts/test", {"alert": "deaths"})

    assert shown.status_code == 200
    assert "/alerts/test" not in shown.text
    assert answer.status_code == 403
    assert await audit.read(redis) == []


async def test_who_tried_an_alert_stands_in_the_audit_log(
    open_web: Callable[..., Web], guarded: WebConfig, redis: Redis
) -> None:
    program = Browser(open_web(guarded))

    await program.client.post("/alerts/test", data={"alert": "lagging"}, headers={"authorization": f"Bearer {TOKEN}"})

    (entry,) = await audit.read(redis)
    assert (entry.actor, entry.target) == ("ci@web", "lagging")


async def test_specs_without_alerts_say_how_to_have_some(redis: Redis, plan: Plan) -> None:
    page = await Browser(Web(Console(redis, replace(plan, alerts=()), WebConfig()))).get("/alerts")

    assert "No alerts" in text_of(page.text)
