"""Attacks that were tried on the console, and what each of them gets. `docs/web-security.md` lists them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from tests.web.browser import PASSWORD, PROXY, SECRET, TOKEN, Browser

from jobctl.broker.keys import QueueKeys
from jobctl.client import Client
from jobctl.clock import FakeClock
from jobctl_web.actions import ACTIONS
from jobctl_web.app import Web
from jobctl_web.config import Proxy, WebConfig, read_config
from jobctl_web.roles import Role

PAUSE = "/queues/critical/pause"


async def is_paused(redis: Redis) -> bool:
    return bool(await redis.exists(QueueKeys("critical").paused))


@pytest.fixture
def secured(open_web: Callable[..., Web], guarded: WebConfig) -> Browser:
    return Browser(open_web(guarded))


# Forged requests


async def test_form_of_another_site_is_refused(browser: Browser, redis: Redis) -> None:
    await browser.get("/")

    answer = await browser.post(PAUSE, headers={"origin": "https://evil.example", "sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert not await is_paused(redis)


ORIGINS = ["https://evil.example", "null", "http://localhost:9999", "http://localhost", "http://[", ""]


@pytest.mark.parametrize("origin", ORIGINS)
async def test_form_of_another_origin_is_refused_by_old_browsers_too(
    browser: Browser, redis: Redis, origin: str
) -> None:
    await browser.get("/")

    answer = await browser.client.post(PAUSE, data={"csrf": browser.csrf}, headers={"origin": origin})

    assert answer.status_code == 403
    assert not await is_paused(redis)


@pytest.mark.parametrize("csrf", ["", "guessed", None])
async def test_form_without_its_secret_is_refused(browser: Browser, redis: Redis, csrf: str | None) -> None:
    await browser.get("/")

    answer = await browser.client.post(PAUSE, data={} if csrf is None else {"csrf": csrf})

    assert answer.status_code == 403
    assert not await is_paused(redis)


async def test_secret_of_another_session_is_refused(open_web: Callable[..., Web], redis: Redis) -> None:
    web = open_web()
    attacker, victim = Browser(web), Browser(web)
    await attacker.get("/")
    await victim.get("/")

    answer = await victim.post(PAUSE, {"csrf": attacker.csrf})

    assert answer.status_code == 403
    assert not await is_paused(redis)


async def test_no_action_is_done_by_get(browser: Browser, redis: Redis) -> None:
    for action in ACTIONS:
        answer = await browser.get(action.path.replace("{queue}", "critical"))
        assert answer.status_code in (404, 405) or action.path == "/enqueue", action.path  # a page lives there

    assert not await is_paused(redis)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused(browser: Browser, method: str) -> None:
    answer = await browser.client.request(method, PAUSE, headers={"origin": "https://evil.example"})

    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


async def test_login_cannot_be_forged(secured: Browser) -> None:
    await secured.get("/login")

    answer = await secured.post("/login", {"name": "ada", "password": PASSWORD, "csrf": "guessed"})

    assert answer.status_code == 403


# Reading across origins


async def test_other_sites_cannot_read_or_embed_pages(browser: Browser) -> None:
    for kind in ("cors", "no-cors", "same-origin"):
        answer = await browser.get("/", **{"sec-fetch-site": "cross-site", "sec-fetch-mode": kind})
        assert answer.status_code == 403
    link = await browser.get("/", **{"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})
    assert link.status_code == 200
    assert not [name for name in link.headers if name.startswith("access-control")]


async def test_stream_cannot_be_read_across_origins(browser: Browser) -> None:
    answer = await browser.get("/live?page=/", **{"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"})

    assert answer.status_code == 403


STRANGERS = ["evil.example", "evil.example:8484", "127.0.0.1.evil.example", "localhost.evil.example", "", "a b"]


@pytest.mark.parametrize("host", STRANGERS)
async def test_name_that_was_rebound_to_us_is_refused(browser: Browser, host: str) -> None:
    answer = await browser.client.get("/", headers={"host": host})

    assert answer.status_code == 421
    assert "jobctl" not in answer.text


@pytest.mark.parametrize("host", ["localhost:8484", "127.0.0.1:8484", "[::1]:8484", "192.168.1.7:8484", "LOCALHOST"])
async def test_own_names_are_answered(browser: Browser, host: str) -> None:
    assert (await browser.client.get("/healthz", headers={"host": host})).status_code == 200


async def test_configured_name_is_answered(open_web: Callable[..., Web]) -> None:
    browser = Browser(open_web(WebConfig(hosts=frozenset({"jobs.example.com"}))), origin="https://jobs.example.com")

    assert (await browser.get("/")).status_code == 200


# Scripts


async def test_pages_allow_no_inline_script_and_have_none(browser: Browser, client: Client) -> None:
    job = await client.enqueue("greet", name="Ada")
    for address in ("/", "/jobs", f"/jobs/{job.key}", "/types", "/enqueue/greet", "/broker", "/nope"):
        page = await browser.get(address)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"<script(?![^>]*\ssrc=)", page.text)
        assert not re.search(r"\s(style|on\w+)=", re.sub(r"<(?:pre|textarea).*?</(?:pre|textarea)>", "", page.text))
        assert "http://" not in re.sub(r'xmlns="[^"]*"|placeholder="[^"]*"', "", page.text)


@pytest.mark.parametrize("address", ["/", "/login", "/nope", "/healthz"])
async def test_every_answer_has_the_security_headers(secured: Browser, address: str) -> None:
    headers = (await secured.get(address)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


async def test_files_outside_the_static_folder_are_not_served(browser: Browser) -> None:
    page = await browser.get("/")
    static = re.search(r'href="(/static/[^/]+)/', page.text)
    assert static
    assert (await browser.get(f"{static[1]}/console.css")).status_code == 200
    for path in ("/../app.py", "/%2e%2e/app.py", "/..%2f..%2fconfig.py", "//etc/passwd", "/%2fetc/passwd", "/"):
        answer = await browser.get(static[1] + path)
        assert answer.status_code in (404, 405), path


# Getting in


@pytest.mark.parametrize("address", ["/", "/jobs", "/broker", "/audit", "/enqueue", "/jobs/x/edit"])
async def test_stranger_is_sent_to_the_login(secured: Browser, address: str) -> None:
    answer = await secured.get(address)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


async def test_stranger_sees_no_stream_and_does_nothing(secured: Browser, redis: Redis) -> None:
    await secured.get("/login")

    assert (await secured.get("/live?page=/")).status_code == 401
    assert (await secured.post(PAUSE)).headers["location"] == "/login"
    assert not await is_paused(redis)


async def test_every_action_has_its_role(open_web: Callable[..., Web], guarded: WebConfig, redis: Redis) -> None:
    browser = Browser(open_web(guarded))
    await browser.log_in("vera", PASSWORD)
    await browser.get("/")

    for action in ACTIONS:
        assert action.role >= Role.OPERATOR
        answer = await browser.post(action.path.replace("{queue}", "critical"), {"confirm": "yes"})
        assert answer.status_code == 403, action.path
    assert not await is_paused(redis)


async def test_operator_may_do_nothing_that_cannot_be_undone(secured: Browser) -> None:
    await secured.log_in("otto", PASSWORD)
    await secured.get("/")

    for action in ACTIONS:
        if action.role is Role.ADMIN:
            answer = await secured.post(action.path.replace("{queue}", "critical"), {"confirm": "yes"})
            assert answer.status_code == 403, action.path


async def test_viewer_is_shown_no_buttons(secured: Browser) -> None:
    await secured.log_in("vera", PASSWORD)

    page = await secured.get("/")

    assert "formaction" not in page.text.replace('formaction="/logout"', "")
    assert (await secured.get("/enqueue/greet")).status_code == 403


async def test_nobody_changes_anything_read_only(
    open_web: Callable[..., Web], guarded: WebConfig, redis: Redis
) -> None:
    browser = Browser(open_web(replace(guarded, is_read_only=True)))
    await browser.log_in("ada", PASSWORD)
    await browser.get("/")

    assert (await browser.post(PAUSE)).status_code == 403
    assert not await is_paused(redis)


async def test_read_only_holds_without_logins_too(open_web: Callable[..., Web], redis: Redis) -> None:
    browser = Browser(open_web(WebConfig(is_read_only=True)))
    await browser.get("/")

    assert (await browser.post(PAUSE)).status_code == 403
    assert not await is_paused(redis)


async def test_wrong_password_and_unknown_name_read_the_same(secured: Browser) -> None:
    wrong = await secured.log_in("ada", "wrong password")
    unknown = await secured.log_in("nobody", "wrong password")

    assert wrong.status_code == unknown.status_code == 401
    strip = lambda page: re.sub(r'value="[^"]*"', "", page.text)  # noqa: E731
    assert strip(wrong) == strip(unknown)


async def test_passwords_cannot_be_tried_without_end(secured: Browser) -> None:
    for _ in range(5):
        await secured.log_in("ada", "wrong password")

    right = await secured.log_in("ada", PASSWORD)

    assert right.status_code == 429
    assert int(right.headers["retry-after"]) > 200


async def test_one_who_locks_himself_out_locks_nobody_else_out(
    open_web: Callable[..., Web], guarded: WebConfig
) -> None:
    web = open_web(guarded)
    attacker, ada = Browser(web, address="10.9.9.9"), Browser(web, address="10.0.0.1")
    for _ in range(6):
        await attacker.log_in("ada", "wrong password")

    assert (await ada.log_in("ada", PASSWORD)).status_code == 303


async def test_login_begins_a_new_session(secured: Browser) -> None:
    await secured.get("/login")
    planted = secured.client.cookies["jobctl_session"]

    await secured.log_in("ada", PASSWORD)
    thief = secured.with_cookie(planted)

    assert secured.client.cookies["jobctl_session"] != planted
    assert (await thief.get("/")).status_code == 303


async def test_session_ends_with_the_logout(secured: Browser) -> None:
    await secured.log_in("ada", PASSWORD)
    stolen = secured.client.cookies["jobctl_session"]
    await secured.get("/")
    await secured.post("/logout")

    assert (await secured.with_cookie(stolen).get("/")).status_code == 303


async def test_logout_cannot_be_forged(secured: Browser) -> None:
    await secured.log_in("ada", PASSWORD)

    assert (await secured.client.post("/logout", data={})).status_code == 403
    assert (await secured.get("/")).status_code == 200


async def test_cookie_is_out_of_reach_of_scripts_and_other_sites(open_web: Callable[..., Web]) -> None:
    plain = (await Browser(open_web()).get("/")).headers["set-cookie"]
    tls = (await Browser(open_web(), origin="https://localhost:8484").get("/")).headers["set-cookie"]
    proxied = (await Browser(open_web(WebConfig(is_secure=True))).get("/")).headers["set-cookie"]

    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    for cookie in (tls, proxied):
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie


ELSEWHERE = [
    "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/ok\r\nX: y",
    "///evil.example", "/\t/evil.example", "https:evil.example", "//[", "http://[evil", "/\u2028/evil.example", "/\x00",
]  # fmt: skip


@pytest.mark.parametrize("onward", ELSEWHERE)
async def test_login_leads_nowhere_else(secured: Browser, onward: str) -> None:
    await secured.get("/login")

    answer = await secured.post("/login", {"name": "ada", "password": PASSWORD, "next": onward})

    assert answer.headers["location"] == "/"


async def test_actions_lead_nowhere_else(browser: Browser) -> None:
    await browser.get("/")

    answer = await browser.post(PAUSE, {"back": "https://evil.example/"})

    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/", "/jobs/", "/login/", "/%2fevil.example/"])
async def test_slashes_lead_nowhere_else(secured: Browser, path: str) -> None:
    """A redirect that mends slashes would be absolute, made from the request's own `Host`, and without TLS."""
    answer = await secured.client.get(secured.origin + path)

    assert answer.status_code in (303, 404)
    assert answer.headers.get("location", "/login").startswith("/login")


PATHS = ["/JOBS", "/;/jobs", "/%2fjobs", "/jobs%00", "/healthz/", "/healthz%2f..%2fjobs", "/HEALTHZ", "/./jobs",
         "/static/../jobs", "/login/../jobs", "/healthz/../jobs", "/queues/%2e%2e", "/jobs//"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_no_spelling_of_an_address_leads_past_the_login(secured: Browser, path: str) -> None:
    answer = await secured.client.get(secured.origin + path)

    assert answer.status_code in (303, 404)
    assert "Log out" not in answer.text


async def test_plain_cookie_is_not_heeded_where_there_is_tls(open_web: Callable[..., Web], guarded: WebConfig) -> None:
    """Whoever is between browser and console, or has another name of its host, can plant one without the prefix."""
    web = open_web(replace(guarded, is_secure=True))
    attacker = Browser(web, origin="https://localhost:8484")
    await attacker.log_in("vera", PASSWORD)
    session = attacker.client.cookies["__Host-jobctl_session"]
    victim = Browser(web, origin="https://localhost:8484").with_cookie(session)

    assert (await attacker.get("/")).status_code == 200
    assert (await victim.get("/")).status_code == 303


async def test_stream_is_not_begun_for_a_head(browser: Browser) -> None:
    """It would go on for ever, unseen, and hold a viewer's place."""
    assert (await browser.client.head("/live?page=/")).status_code == 405
    assert browser.web.live.viewers == 0


# Tokens and proxies


async def test_token_needs_no_form_secret_and_has_its_role(secured: Browser, redis: Redis) -> None:
    answer = await secured.client.post(PAUSE, headers={"authorization": f"Bearer {TOKEN}"})
    refused = await secured.client.post("/workers/stop", headers={"authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 303
    assert await is_paused(redis)
    assert refused.status_code == 403


async def test_wrong_token_is_nobody_also_with_a_cookie(secured: Browser) -> None:
    await secured.log_in("ada", PASSWORD)

    answer = await secured.get("/", authorization="Bearer wrong")

    assert answer.status_code == 303


async def test_tokens_cannot_be_tried_without_end(secured: Browser) -> None:
    for _ in range(5):
        await secured.client.get("/", headers={"authorization": "Bearer wrong"})

    answer = await secured.client.get("/", headers={"authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 303


def proxied(open_web: Callable[..., Web]) -> Web:
    path_config = read_config({}, host="127.0.0.1")
    network = ipaddress.ip_network(f"{PROXY}/32")
    return open_web(replace(path_config, proxy=Proxy("x-forwarded-user", (network,), {"ada": Role.ADMIN})))


async def test_proxy_says_who_somebody_is(open_web: Callable[..., Web]) -> None:
    browser = Browser(proxied(open_web), address=PROXY)

    page = await browser.get("/", **{"x-forwarded-user": "ada"})

    assert page.status_code == 200
    assert "admin" in page.text


async def test_header_of_a_stranger_is_not_heeded(open_web: Callable[..., Web]) -> None:
    browser = Browser(proxied(open_web), address="10.6.6.6")

    assert (await browser.get("/", **{"x-forwarded-user": "ada"})).status_code == 303


async def test_header_that_stands_twice_is_not_heeded(open_web: Callable[..., Web]) -> None:
    browser = Browser(proxied(open_web), address=PROXY)

    answer = await browser.client.get("/", headers=[("x-forwarded-user", "ada"), ("x-forwarded-user", "bob")])

    assert answer.status_code == 303


@pytest.mark.parametrize("header", ["X_Forwarded_User", "X-Forwarded-User2", "Forwarded"])
async def test_header_that_reads_alike_is_not_heeded(open_web: Callable[..., Web], header: str) -> None:
    browser = Browser(proxied(open_web), address=PROXY)

    assert (await browser.get("/", **{header: "ada"})).status_code == 303


async def test_stranger_cannot_forward_himself_to_the_proxy(open_web: Callable[..., Web]) -> None:
    web = proxied(open_web)
    for config in (web.console.config, replace(web.console.config, forwarders=(ipaddress.ip_network("10.6.0.0/16"),))):
        browser = Browser(open_web(config), address="10.6.6.6")
        assert (await browser.get("/", **{"x-forwarded-user": "ada", "x-forwarded-for": PROXY})).status_code == 303


async def test_proxy_is_known_on_a_socket_for_both_kinds_of_addresses(open_web: Callable[..., Web]) -> None:
    browser = Browser(proxied(open_web), address=f"::ffff:{PROXY}")

    assert (await browser.get("/", **{"x-forwarded-user": "ada"})).status_code == 200


async def test_one_behind_our_proxy_locks_nobody_else_out(open_web: Callable[..., Web], guarded: WebConfig) -> None:
    web = open_web(replace(guarded, forwarders=(ipaddress.ip_network("10.0.0.0/8"),)))
    attacker, ada = Browser(web, address="10.0.0.1"), Browser(web, address="10.0.0.1")
    attacker.client.headers["x-forwarded-for"] = "198.51.100.1, 203.0.113.66"
    ada.client.headers["x-forwarded-for"] = "203.0.113.7"
    for _ in range(6):
        await attacker.log_in("ada", "wrong password")
    attacker.client.headers["x-forwarded-for"] = "198.51.100.2, 203.0.113.66"  # the left part is his own

    assert (await attacker.log_in("ada", PASSWORD)).status_code == 429
    assert (await ada.log_in("ada", PASSWORD)).status_code == 303


async def test_forwarded_address_of_a_stranger_is_not_heeded(secured: Browser) -> None:
    for number in range(5):
        secured.client.headers["x-forwarded-for"] = f"203.0.113.{number}"
        await secured.log_in("ada", "wrong password")

    assert (await secured.log_in("ada", PASSWORD)).status_code == 429


async def test_passwords_cannot_be_tried_from_all_addresses_of_one_network(
    open_web: Callable[..., Web], guarded: WebConfig
) -> None:
    web = open_web(guarded)
    for number in range(5):
        await Browser(web, address=f"2001:db8::{number}:1").log_in("ada", "wrong password")

    assert (await Browser(web, address="2001:db8::ffff").log_in("ada", PASSWORD)).status_code == 429
    assert (await Browser(web, address="2001:db8:0:1::1").log_in("ada", PASSWORD)).status_code == 303


async def test_proxied_browser_still_needs_the_form_secret(open_web: Callable[..., Web], redis: Redis) -> None:
    browser = Browser(proxied(open_web), address=PROXY)

    answer = await browser.client.post(PAUSE, headers={"x-forwarded-user": "ada"})

    assert answer.status_code == 403
    assert not await is_paused(redis)


# Breaking it


async def test_fault_of_ours_says_nothing_of_the_server(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"at /srv/secret/path with {SECRET}")

    monkeypatch.setattr("jobctl_web.console.Console.snapshot", broken)

    page = await browser.get("/")

    assert page.status_code == 500
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert SECRET not in page.text
    assert "Traceback" not in page.text
    assert "RuntimeError" not in page.text


async def test_endless_body_is_refused(browser: Browser) -> None:
    await browser.get("/enqueue/greet")

    told = await browser.post("/enqueue", {"registration": "greet", "payload.name": "x" * (3 * 2**20)})

    assert told.status_code == 413


async def test_body_that_hides_its_length_is_refused(browser: Browser) -> None:
    await browser.get("/")

    async def chunks() -> object:
        for _ in range(40):
            yield b"x" * 2**16

    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await browser.client.post(PAUSE, content=chunks(), headers=kind)

    assert answer.status_code in (400, 413)


SENSELESS = [
    "/jobs?cursor=%00", "/jobs?cursor=e30", "/jobs?q=%22", "/jobs?size=-1", "/jobs?state=x", "/jobs?queue=nope",
    "/audit?actor=%00", "/live?page=/nope", "/live?page=/enqueue", "/jobs?q=" + "(" * 3000, "/types/%00",
    "/schedules/%2e%2e",
]  # fmt: skip


@pytest.mark.parametrize("address", SENSELESS)
async def test_senseless_address_breaks_nothing(browser: Browser, address: str) -> None:
    answer = await browser.get(address)

    assert answer.status_code in (200, 400, 404)


async def test_file_uploads_are_refused(browser: Browser) -> None:
    await browser.get("/")

    answer = await browser.client.post(PAUSE, data={"csrf": browser.csrf}, files={"f": ("x", b"y" * 100)})

    assert answer.status_code == 400


def test_throttle_forgets_after_its_window() -> None:
    from jobctl_web.throttle import Throttle

    clock = FakeClock()
    throttle = Throttle(clock)
    for _ in range(5):
        throttle.failed("10.0.0.1", "ada")

    assert throttle.wait_s("10.0.0.1", "ada") == pytest.approx(300)
    clock.advance(301)
    assert throttle.wait_s("10.0.0.1", "ada") == 0
