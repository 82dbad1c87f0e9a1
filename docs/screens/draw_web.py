"""Take the pictures of `docs/web.md`: a console over a shop at work, in a headless Chromium, as small PNGs.

    .venv/bin/python docs/screens/draw_web.py --minutes 12

Console, worker and jobs are real; the counts of the thirteen days before today are made up. Times and keys differ from
run to run, so the pictures are taken by hand before a release, not by the tests.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from jobctl import BlockingClient, NewJob, load_plan
from jobctl.broker.connect import connect
from jobctl.broker.embedded import embedded_broker
from jobctl.worker.report import Reporter
from jobctl.worker.tally import Tally
from jobctl_web.passwords import hash_password

FOLDER = Path(__file__).parent / "web"
JOBCTL = str(Path(sys.executable).with_name("jobctl"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WIDTH, HEIGHT = 1280, 820
PHONE = (375, 760)
COLOURS = 192  # of a picture's palette: text and flat areas need no more, and a picture is 40 kB instead of 120
BATCH, PAUSE_S = 30, 0.25
DAY_MS = 86_400_000
PAGES = {
    "overview": "/",
    "queue": "/queues/critical",
    "jobs": "/jobs?state=dead&q=error~%22no+answer%22+and+age%3C1h",
    "dead": "/dead",
    "types": "/types",
    "type": "/types/order-confirm",
    "workers": "/workers",
    "schedules": "/schedules",
    "schedule": "/schedules/daily-report%2Fevery-minute",
    "enqueue": "/enqueue/catalogue-import",
    "alerts": "/alerts",
    "audit": "/audit",
    "broker": "/broker",
}


def main() -> None:
    """Let the shop work for a while, then take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12.0, help="how long the shop works before")
    minutes: float = parser.parse_args().minutes
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-")))
        url = stack.enter_context(embedded_broker(folder / "broker"))
        for name in ("shop.yaml", "web_shop.py"):
            shutil.copy(FOLDER / name, folder)
        asyncio.run(make_up_days(url))
        stack.enter_context(running(folder, url, "run", "--spec", "shop.yaml", "--log-level", "error"))
        open_console = stack.enter_context(console(folder, url))
        guarded = stack.enter_context(
            console(folder, url, JOBCTL_WEB_USERS=f"ada:admin:{hash_password(secrets.token_hex(8))}")
        )
        for words in ("queues pause low", "queues resume low", "cron pause daily-report/nightly"):
            command = [JOBCTL, *words.split(), "--spec", "shop.yaml"]
            subprocess.run(command, cwd=folder, env=env(folder, url), check=False, capture_output=True)
        keep_busy(url, folder, minutes * 60)
        take_pictures(open_console, guarded)


async def make_up_days(url: str) -> None:
    """Count what might have been done on the days before today."""
    chance = random.Random(7)
    async with connect(url) as redis:
        for back in range(1, 14):
            tally = Tally()
            weekend = 0.35 if (int(time.time()) // 86_400 - back + 4) % 7 in (0, 6) else 1.0
            for queue, kind, usual in (("critical", "order:confirm", 5200), ("default", "invoice:mail", 3100),
                                       ("low", "stock:count", 1400), ("low", "catalogue:import", 60),
                                       ("default", "report:daily", 60)):  # fmt: skip
                for _ in range(int(usual * weekend * chance.uniform(0.8, 1.2))):
                    tally.started(queue, kind, int(chance.expovariate(1 / 45)))
                    outcome = chance.choices(("complete", "retry", "dead"), (96, 3, 1))[0]
                    tally.ended(queue, kind, outcome, int(chance.lognormvariate(3.4, 0.7)))
            at_ms = int(time.time() * 1000) - back * DAY_MS
            await Reporter(redis, f"made-up-{back}", {}).flush(tally, at_ms, lambda _: True)


def keep_busy(url: str, folder: Path, seconds: float) -> None:
    """Enqueue jobs, more and less by turns."""
    until, order = time.time() + seconds, 1
    with BlockingClient(load_plan(str(folder / "shop.yaml")), url) as client:
        for n in range(12):
            client.enqueue("invoice-mail", order=900_000 + n, delay=f"{n + 1}h")
        client.enqueue("catalogue-import", supplier="acme")
        while time.time() < until:
            count = int(BATCH * (1 + 0.6 * random.uniform(-1, 1)))
            names = random.choices(["order-confirm", "invoice-mail", "stock-count"], [6, 4, 3], k=count)
            client.enqueue_many(NewJob(name, {"order": order + n}) for n, name in enumerate(names))
            order += count
            time.sleep(PAUSE_S)
        client.enqueue("catalogue-import", supplier="acme")
        names = random.choices(["order-confirm", "invoice-mail", "stock-count"], [6, 4, 3], k=14_000)
        client.enqueue_many(NewJob(name, {"order": order + n}) for n, name in enumerate(names))
        time.sleep(20)  # a backlog: now each queue gets its share


def take_pictures(address: str, guarded: str) -> None:
    """Take every page, light and dark, and two of them on a phone."""
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme in ("light", "dark"):
            for name, path in PAGES.items():
                take(browser, f"{name}-{theme}", address + path, theme)
            take(browser, f"job-{theme}", dead_job(browser, address), theme)
            take(browser, f"login-{theme}", f"{guarded}/login", theme)
        for name in ("overview", "jobs"):
            take(browser, f"{name}-phone", address + PAGES[name], "dark", PHONE)
        browser.close()


def dead_job(browser: Browser, address: str) -> str:
    """Return the address of a job that used up its attempts."""
    page = browser.new_page()
    page.goto(f"{address}/jobs?q=state%3Ddead+and+attempts%3E%3D4")
    path = page.locator("#live_jobs .key").first.get_attribute("href")
    page.close()
    return f"{address}{path}"


def take(browser: Browser, name: str, address: str, theme: str, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    """Take one picture."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if theme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_timeout(2500)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    context.close()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} kB")


def env(folder: Path, url: str) -> dict[str, str]:
    """Return the environment of the shop's processes."""
    return {**os.environ, "REDIS_URL": url, "PYTHONPATH": str(folder), "JOBCTL_ACTOR": "ada@shop"}


@contextmanager
def running(folder: Path, url: str, *words: str, **variables: str) -> Iterator[Path]:
    """Keep a jobctl process running meanwhile, and yield the file it tells its news to."""
    news = folder / f"{secrets.token_hex(4)}.txt"
    with news.open("w") as stream:
        process = subprocess.Popen([JOBCTL, *words], cwd=folder, env=env(folder, url) | variables, stderr=stream)
        try:
            yield news
        finally:
            process.terminate()
            process.wait(timeout=40)


@contextmanager
def console(folder: Path, url: str, **variables: str) -> Iterator[str]:
    """Serve a console meanwhile, and yield its address."""
    with running(folder, url, "web", "--spec", "shop.yaml", "--port", "0", **variables) as news:
        until = time.monotonic() + 20
        while not news.read_text() and time.monotonic() < until:
            time.sleep(0.1)
        yield news.read_text().split()[1].rstrip("/")


if __name__ == "__main__":
    main()
