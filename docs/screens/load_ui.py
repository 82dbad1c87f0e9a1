"""Draw the screens of Locust's page with our jobs in it: `python docs/screens/load_ui.py` (needs Chromium)."""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SIZE = (1240, 640)
RUN_S = 14
THRESHOLDS = (
    "fairness.max_deviation < 2%",
    "fairness.starvation{load-low} < 500ms",
    "lost == 0",
    "throughput > 5000/s",
)


@contextmanager
def locust(port: int, home: str) -> Iterator[str]:
    """Run Locust on all scenarios; yield the address of its page."""
    command = [sys.executable, "-m", "locust", "-f", "loadtests/", "--web-host", "127.0.0.1", "--web-port", str(port)]
    for limit in THRESHOLDS:
        command += ["--threshold", limit]
    process = subprocess.Popen(
        command, cwd=ROOT, env={"PATH": "/usr/bin:/bin", "JOBCTL_HOME": home}, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(url).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def keep(page: Page, name: str) -> None:
    """Save what is seen, in few colours: a tenth of the bytes."""
    image = Image.open(io.BytesIO(page.screenshot()))
    image.convert("RGB").quantize(64).save(HERE / f"{name}.png", optimize=True)


def draw(page: Page, url: str) -> None:
    """Start a run in the form, look at its tabs, and stop it."""
    page.goto(url)
    page.get_by_label("Number of users").fill("3")
    page.get_by_label("Ramp up").fill("3")
    page.get_by_text("Custom parameters").click()
    page.get_by_label("Jobctl Scenario").select_option("fairness")
    page.get_by_label("Jobctl Scenario").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    keep(page, "load-form")
    page.get_by_role("button", name="Start").click()
    page.wait_for_timeout(RUN_S * 1000)
    page.get_by_role("tab", name="Statistics").click()
    page.wait_for_timeout(500)
    keep(page, "load-statistics")
    page.get_by_role("tab", name="Fairness").click()
    page.wait_for_timeout(2500)
    keep(page, "load-fairness")
    page.get_by_role("tab", name="Thresholds").click()
    page.wait_for_timeout(2500)
    keep(page, "load-thresholds")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_timeout(6000)


def main() -> None:
    """Draw all screens."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("error: no Chromium on PATH")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home, locust(port, home) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        draw(page, url)
        browser.close()


if __name__ == "__main__":
    main()
