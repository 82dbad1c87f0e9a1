"""The main ways through the console, in a real browser, over a real server. Skipped where there is no Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.web.browser import PASSWORD
from tests.web.conftest import SPEC

from jobctl import BlockingClient, load_plan

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH: these tests drive a real browser")

# Without a sandbox, as containers and CI have no user namespaces; and silent, for it calls home at every start.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
HANDLERS = """\
from jobctl import Dead

async def greet(ctx, name, times, token=None, deep=None):
    return {"said": f"hello {name} " * times}

async def boom(ctx, id, token=None):
    raise Dead(f"there is no order {id}")

async def sync(ctx, id):
    pass
"""
JOBCTL = str(Path(sys.executable).with_name("jobctl"))
PAGES = (
    "/", "/queues/critical", "/jobs", "/dead", "/types", "/types/greet", "/workers", "/schedules", "/schedules/boom",
    "/enqueue", "/enqueue/greet", "/alerts", "/audit", "/broker",
)  # fmt: skip
NAMELESS = """() =>
    [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, svg[role=img]")]
    .filter((each) => each.checkVisibility())
    .filter((each) => !(each.innerText?.trim() || each.ariaLabel || each.title || each.labels?.[0]?.textContent.trim()))
    .map((each) => each.outerHTML.slice(0, 120))"""


# in one go: on a busy machine the second key may come too late to belong to the first
GO_TO_WORKERS = """() => {
    for (const key of "gw") document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
}"""


@dataclass
class Stage:
    """A console that runs, and what stands behind it."""

    address: str
    folder: Path
    env: dict[str, str]
    client: BlockingClient

    def work(self) -> None:
        """Run a worker until nothing is due."""
        command = [JOBCTL, "run", "--spec", "jobs.yaml", "--burst", "--log-level", "error"]
        subprocess.run(command, cwd=self.folder, env=self.env, check=True, timeout=60)


@pytest.fixture(scope="module")
def chromium() -> Iterator[api.Browser]:
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with specs and their handlers."""
    path = tmp_path_factory.mktemp("project")
    (path / "jobs.yaml").write_text(SPEC.replace("app:", "web_app:"))
    (path / "web_app.py").write_text(HANDLERS)
    return path


@pytest.fixture(scope="module")
def console(folder: Path, broker_url: str) -> Iterator[Callable[..., str]]:
    """A function that starts a console, with variables of its own, and returns its address; each only once."""
    running: dict[str, tuple[subprocess.Popen[str], str]] = {}

    def start(**variables: str) -> str:
        if str(variables) not in running:
            env = {**os.environ, "REDIS_URL": broker_url, "PYTHONPATH": str(folder), **variables}
            command = [JOBCTL, "web", "--spec", "jobs.yaml", "--port", "0"]
            process = subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
            assert process.stderr is not None
            told = process.stderr.readline()
            running[str(variables)] = process, told.removeprefix("console: ").strip().rstrip("/")
        return running[str(variables)][1]

    yield start
    for process, _ in running.values():
        process.terminate()
    for process, _ in running.values():
        assert process.stderr is not None
        told = process.stderr.read()
        assert process.wait(15) == 0
        assert "Traceback" not in told
        assert "error" not in told
        process.stderr.close()


@pytest.fixture
def serve(console: Callable[..., str], folder: Path, redis_url: str) -> Iterator[Callable[..., Stage]]:
    """A function that opens a console, with variables of its own, over an empty broker."""
    with BlockingClient(load_plan(str(folder / "jobs.yaml")), redis_url) as client:
        env = {**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": str(folder)}
        yield lambda **variables: Stage(console(**variables), folder, env, client)


@pytest.fixture
def page(chromium: api.Browser) -> Iterator[api.Page]:
    """An empty page; whatever it complains of fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(15_000)
    yield page
    context.close()
    assert [each for each in complaints if "status of 4" not in each] == []


def test_overview_is_live(serve: Callable[..., Stage], page: api.Page) -> None:
    stage = serve()
    page.goto(stage.address)
    api.expect(page.locator(".live-dot")).to_have_text("live")

    stage.client.enqueue("boom", id=7)
    stage.work()

    api.expect(page.locator("#live_failures")).to_contain_text("there is no order 7", timeout=15_000)
    api.expect(page.locator("#queue-default .error-text").first).to_have_text("1")


def test_dead_jobs_are_found_ticked_and_replayed(serve: Callable[..., Stage], page: api.Page) -> None:
    stage = serve()
    for n in range(3):
        stage.client.enqueue("boom", id=n)
    stage.work()
    page.goto(f"{stage.address}/jobs")

    page.keyboard.press("/")
    page.keyboard.type("state=dead and payload.id>=1")
    page.keyboard.press("Enter")
    api.expect(page.locator("#live_jobs tbody tr")).to_have_count(2)
    page.get_by_label("All jobs of this page").check()
    api.expect(page.locator("[data-picked]")).to_have_text("2 selected")
    page.get_by_role("button", name="Replay…").click()
    page.get_by_role("button", name="Replay 2 jobs").click()

    api.expect(page.locator(".notice.done")).to_contain_text("2 jobs replayed")
    page.goto(f"{stage.address}/audit")
    api.expect(page.locator("#live_entries")).to_contain_text("job.replay")


def test_ticks_stay_while_the_list_changes(serve: Callable[..., Stage], page: api.Page) -> None:
    stage = serve()
    job = stage.client.enqueue("greet", name="Ada", delay="1h")
    page.goto(f"{stage.address}/jobs?state=scheduled")
    page.get_by_label(job.key, exact=True).check()

    other = stage.client.enqueue("greet", name="Bob", delay="2h")

    api.expect(page.get_by_label(other.key, exact=True)).to_be_visible()
    assert page.get_by_label(job.key, exact=True).is_checked()
    assert not page.get_by_label(other.key, exact=True).is_checked()


def test_job_is_enqueued_by_its_form(serve: Callable[..., Stage], page: api.Page) -> None:
    stage = serve()
    page.goto(f"{stage.address}/enqueue")
    page.get_by_role("link", name="greet").first.click()

    page.get_by_label("times").fill("9")
    page.get_by_role("button", name="Enqueue").click()
    api.expect(page.get_by_text("is required")).to_be_visible()
    page.get_by_label("name").fill("Ada")
    page.get_by_label("times").fill("2")
    page.get_by_role("button", name="Enqueue").click()
    api.expect(page.locator(".badge.queued")).to_be_visible()
    stage.work()

    api.expect(page.locator(".badge.complete")).to_be_visible()  # by itself: the page is live
    api.expect(page.get_by_text("hello Ada hello Ada")).to_be_visible()


def test_page_of_an_odd_key_is_live(serve: Callable[..., Stage], page: api.Page) -> None:
    stage = serve()
    stage.client.enqueue("greet", name="Ada", key="a/b?c=%41:d", delay="1h")

    page.goto(f"{stage.address}/jobs")
    page.get_by_role("link", name="a/b?c=%41:d").click()

    page.wait_for_selector('[data-live="shown"]')
    api.expect(page.locator("#trouble")).to_be_hidden()
    api.expect(page.locator("#live_facts")).to_contain_text("greet")


def test_focus_stays_while_the_page_changes(serve: Callable[..., Stage], page: api.Page) -> None:
    stage = serve()
    page.goto(stage.address)
    link = page.get_by_role("link", name="critical")
    link.focus()

    page.wait_for_selector('[data-live="shown"]')
    api.expect(link).to_be_focused()
    stage.client.enqueue("greet", name="Ada", delay="1h")
    api.expect(page.locator("#queue-critical svg[aria-label*='scheduled 1']")).to_be_visible()

    api.expect(link).to_be_focused()


def test_theme_is_switched_and_kept(serve: Callable[..., Stage], page: api.Page) -> None:
    stage = serve()
    page.goto(stage.address)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.get_by_label("Switch between light and dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.goto(f"{stage.address}/jobs")

    assert light != dark
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_console_is_used_by_keyboard(serve: Callable[..., Stage], page: api.Page) -> None:
    stage = serve()
    page.goto(stage.address)

    page.keyboard.press("Tab")
    api.expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("j")
    api.expect(page.get_by_role("link", name="critical")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/queues/critical")
    page.keyboard.press("?")
    api.expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    api.expect(page.get_by_role("dialog")).to_be_hidden()
    page.evaluate(GO_TO_WORKERS)
    page.wait_for_url("**/workers")


def test_one_logs_in_and_out(serve: Callable[..., Stage], page: api.Page, password_hash: str) -> None:
    stage = serve(JOBCTL_WEB_USERS=f"ada:admin:{password_hash}")
    page.goto(f"{stage.address}/jobs?state=dead")

    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("wrong password")
    page.keyboard.press("Enter")
    api.expect(page.get_by_role("alert")).to_contain_text("do not match")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs?state=dead")
    page.get_by_label("Log out").click()

    page.wait_for_url("**/login")


def test_queue_is_paused_without_scripts(serve: Callable[..., Stage], chromium: api.Browser) -> None:
    stage = serve()
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(stage.address)

    page.get_by_label("Pause critical").click()

    api.expect(page.locator(".notice.done")).to_contain_text("critical is paused")
    api.expect(page.get_by_label("Resume critical")).to_be_visible()
    context.close()


def test_every_page_fits_a_phone_and_names_what_can_be_used(serve: Callable[..., Stage], page: api.Page) -> None:
    stage = serve()
    job = stage.client.enqueue("boom", id=7)
    stage.client.enqueue("greet", name="Ada " * 60, delay="1h")
    stage.work()
    page.set_viewport_size({"width": 375, "height": 700})

    for path in (*PAGES, f"/jobs/{job.key}", f"/jobs/{job.key}/edit", "/nope"):
        page.goto(stage.address + path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        assert page.evaluate(NAMELESS) == [], path
        assert page.locator("h1").count() == 1, path
        assert page.evaluate("document.documentElement.lang") == "en"
