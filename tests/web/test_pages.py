"""Every page shows what the broker holds, says what is missing, and hides what is secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis
from tests.web.browser import SECRET, Browser, text_of

from jobctl.broker.connect import connect
from jobctl.client import Client, NewJob
from jobctl.compiler.plan import Plan
from jobctl_web.app import Web
from jobctl_web.config import WebConfig
from jobctl_web.console import Console
from jobctl_web.pages import PAGES

ADDRESSES = (
    "/", "/queues/critical", "/jobs", "/jobs?state=dead", "/dead", "/types", "/types/greet", "/types/boom:now",
    "/workers", "/schedules", "/schedules/boom", "/enqueue", "/enqueue/greet", "/alerts", "/audit", "/broker",
)  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
async def test_page_of_an_empty_broker(browser: Browser, address: str) -> None:
    page = await browser.get(address)

    assert page.status_code == 200
    assert "<h1" in page.text


@pytest.mark.parametrize("address", ADDRESSES)
async def test_page_without_specs(open_web: Callable[..., Web], address: str) -> None:
    page = await Browser(open_web(with_plan=False)).get(address)

    assert page.status_code in (200, 404)


def test_every_page_is_in_the_tests() -> None:
    tried = {"/queues/{queue}", "/types/{type:path}", "/schedules/{schedule:path}", "/enqueue/{job:path}"}
    tried |= {"/jobs/{job:path}", "/jobs/{job:path}/edit"} | {address.partition("?")[0] for address in ADDRESSES}

    assert {page.path for page in PAGES} <= tried


async def test_overview_counts_queues_and_names_failures(
    browser: Browser, client: Client, work: Callable[[], Awaitable[None]]
) -> None:
    await client.enqueue("boom", id=7)
    await work()
    await client.enqueue("greet", name="Ada")

    shown = text_of((await browser.get("/")).text)

    assert "Dead 1" in shown
    assert "no order 7" in shown
    assert "67%" in shown  # configured share of critical


async def test_queue_page_tells_types_and_states(
    browser: Browser, client: Client, work: Callable[[], Awaitable[None]]
) -> None:
    await client.enqueue("greet", name="Ada")
    await work()

    shown = text_of((await browser.get("/queues/critical")).text)

    assert "complete 1" in shown
    assert "greet 1 0" in shown


async def test_unknown_queue_is_not_found(browser: Browser) -> None:
    page = await browser.get("/queues/nope")

    assert page.status_code == 404
    assert "there is no queue `nope`" in page.text


async def test_jobs_are_listed_by_state_and_filter(browser: Browser, client: Client) -> None:
    ada = await client.enqueue("greet", name="Ada")
    bob = await client.enqueue("greet", name="Bob", delay="1h")

    queued = await browser.get("/jobs?state=queued")
    filtered = await browser.get("/jobs?q=payload.name%3DBob")

    assert ada.key in queued.text
    assert bob.key not in queued.text
    assert bob.key in filtered.text
    assert ada.key not in filtered.text


async def test_wrong_filter_is_explained_where_it_is_wrong(browser: Browser) -> None:
    page = await browser.get("/jobs?q=state%3Ddaed")

    assert page.status_code == 200
    assert "daed" in text_of(page.text)
    assert "^" in page.text


async def test_pages_of_a_listing_are_gone_through(browser: Browser, client: Client) -> None:
    keys = [(await client.enqueue("greet", name=str(n), delay="1h")).key for n in range(30)]

    first = await browser.get("/jobs?size=25&state=scheduled")
    onward = first.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = await browser.get(onward)

    found = [[key for key in keys if key in page.text] for page in (first, second)]
    assert [len(each) for each in found] == [25, 5]
    assert {*found[0], *found[1]} == set(keys)


async def test_job_page_shows_history_and_result(
    browser: Browser, client: Client, work: Callable[[], Awaitable[None]]
) -> None:
    job = await client.enqueue("greet", name="Ada")
    await work()

    shown = text_of((await browser.get(f"/jobs/{job.queue}:{job.key}")).text)

    assert "Complete attempt 1 of 4" in shown
    assert "hello Ada" in shown


async def test_job_is_found_by_its_key_alone(browser: Browser, client: Client) -> None:
    job = await client.enqueue("greet", name="Ada")

    assert (await browser.get(f"/jobs/{job.key}")).status_code == 200


async def test_unknown_job_is_not_found(browser: Browser) -> None:
    assert (await browser.get("/jobs/nope")).status_code == 404


async def test_secrets_stand_on_no_page(browser: Browser, client: Client, work: Callable[[], Awaitable[None]]) -> None:
    hello = await client.enqueue("greet", name="Ada", token=SECRET, deep={"pin": SECRET, "to": "x"})
    dead = await client.enqueue("boom", id=1, token=SECRET)
    await work()

    addresses = [
        *ADDRESSES,
        f"/jobs/{hello.key}",
        f"/jobs/{dead.key}",
        f"/jobs/{hello.key}/edit",
        f"/jobs/{dead.key}/edit",
    ]
    leaks = [address for address in addresses if SECRET in (await browser.get(address)).text]

    assert leaks == []
    assert "***" in (await browser.get(f"/jobs/{hello.key}")).text


async def test_secrets_cannot_be_guessed_by_filters(browser: Browser, client: Client) -> None:
    job = await client.enqueue("greet", name="Ada", token=SECRET, delay="1h")

    page = await browser.get(f"/jobs?q=payload.token%3D{SECRET}")
    raw = await browser.get("/jobs?q=payload.name%3DAda")

    assert job.key not in page.text
    assert job.key in raw.text


async def test_payload_that_nobody_declared_is_hidden(open_web: Callable[..., Web], client: Client) -> None:
    job = await client.enqueue("greet", name="Ada Lovelace")
    browser = Browser(open_web(with_plan=False))

    page = await browser.get(f"/jobs/{job.key}")
    listing = await browser.get("/jobs")

    assert "Ada Lovelace" not in page.text + listing.text
    assert "Hidden" in page.text


async def test_markup_in_a_job_is_text(browser: Browser, client: Client) -> None:
    evil = '<script>alert(1)</script><img src=x onerror="alert(1)">'
    job = await client.enqueue("greet", name=evil, key="a&b<c>")

    for address in ("/jobs", "/", f"/jobs/{job.queue}:a%26b%3Cc%3E"):
        page = await browser.get(address)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text


async def test_jobs_of_odd_keys_have_pages(browser: Browser, client: Client) -> None:
    for key in ("a/b", "a?b=c", "a:b", "a%2Fb", "ä#x"):
        await client.enqueue("greet", name="Ada", key=key)
    listing = await browser.get("/jobs")
    links = {part.partition('"')[0] for part in listing.text.split('class="key" href="')[1:]}

    statuses = [(await browser.get(link)).status_code for link in sorted(links)]

    assert statuses == [200] * 5


async def test_broker_that_is_gone_is_told_of(plan: Plan) -> None:
    async with connect("redis://localhost:1") as nowhere:
        page = await Browser(Web(Console(nowhere, plan, WebConfig()))).get("/")

    assert page.status_code == 503
    assert "no broker answers" in page.text


async def test_broker_page_warns_of_eviction(browser: Browser, redis: Redis) -> None:
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        page = await browser.get("/broker")
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")

    assert "Jobs can be lost" in page.text


async def test_type_page_shows_declaration_and_percentiles(
    browser: Browser, client: Client, work: Callable[[], Awaitable[None]]
) -> None:
    await client.enqueue("greet", name="Ada")
    await work()

    shown = text_of((await browser.get("/types/greet")).text)

    assert "Complete today 1" in shown
    assert "p99" in shown
    assert "Whom to greet" in shown
    assert "app:greet" in shown


async def test_dead_jobs_are_told_apart_by_what_they_died_of(
    open_web: Callable[..., Web], client: Client, work: Callable[[], Awaitable[None]]
) -> None:
    await client.enqueue_many(NewJob("sync", {"id": n}) for n in range(3))
    await work()
    browser = Browser(open_web())

    page = await browser.get("/dead")

    assert "No job is dead" not in page.text
    assert "out of order" in page.text
    assert "Replay 3 of sync" in page.text
    question = await browser.post("/bulk", {"do": "replay", "filter": 'error~"out of order" and state=dead'})
    assert "Replay 3 jobs" in question.text


async def test_job_page_shows_its_log_without_secrets(
    browser: Browser, client: Client, work: Callable[[], Awaitable[None]]
) -> None:
    job = await client.enqueue("greet", name="Ada", token=SECRET)
    await work()

    page = await browser.get(f"/jobs/{job.key}")

    assert "greeting Ada with ***" in text_of(page.text)
    assert SECRET not in page.text
