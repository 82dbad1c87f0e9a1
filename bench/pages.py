"""How fast the web console's pages are with a million jobs, as a browser sees them.

    .venv/bin/python -m bench.pages                  # a million jobs
    .venv/bin/python -m bench.pages --jobs 10000

A server of its own, filled with seven tenths queued jobs and three tenths ended ones; a real console; each page is
opened several times in headless Chromium. `answer` is from the request to the answer's last byte, `shown` until the
page is loaded with style and scripts; medians, and the slowest.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import redis
from playwright.sync_api import Page, sync_playwright

from jobctl import BlockingClient, NewJob, load_plan
from jobctl.broker.embedded import embedded_broker
from jobctl.broker.keys import QueueKeys, job_id

SPEC = """\
version: 1
queues: {critical: 6, default: 3, low: 1}
jobs:
  order-confirm: {type: "order:confirm", handler: "shop:confirm", queue: critical, payload: {order: int}}
  invoice-mail: {type: "invoice:mail", handler: "shop:confirm", payload: {order: int}}
  stock-count: {type: "stock:count", handler: "shop:confirm", queue: low, payload: {order: int}}
"""
JOBS = (("order-confirm", "order:confirm", "critical"), ("invoice-mail", "invoice:mail", "default"),
        ("stock-count", "stock:count", "low"))  # fmt: skip
PAGES = {
    "overview": "/",
    "queue": "/queues/default",
    "jobs, all": "/jobs",
    "jobs, dead": "/jobs?state=dead",
    "jobs, dead, 250 a page": "/jobs?state=dead&size=250",
    "jobs, queued": "/jobs?state=queued",
    "filter that matches often": "/jobs?q=type%3Dinvoice-mail+and+error~%22no+answer%22",
    "filter that matches one": "/jobs?state=dead&q=payload.order%3D{rare}",
    "filter by a payload, all jobs": "/jobs?q=payload.order%3D{rare}",
    "job": "/jobs/default:dead-1",
    "dead by error": "/dead",
    "types": "/types",
    "type": "/types/invoice-mail",
    "schedules": "/schedules",
    "workers": "/workers",
    "broker": "/broker",
}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
ROUNDS = 7
BATCH = 5_000
TIMES = """() => {
    const entry = performance.getEntriesByType("navigation")[0];
    return [entry.responseEnd - entry.requestStart, entry.loadEventEnd, entry.encodedBodySize];
}"""


def main() -> None:
    """Fill a server, open the pages, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    jobs: int = parser.parse_args().jobs
    with tempfile.TemporaryDirectory(prefix="pages-") as name, embedded_broker(Path(name) / "broker") as url:
        folder = Path(name)
        (folder / "jobs.yaml").write_text(SPEC)
        began = time.monotonic()
        fill(url, folder, jobs)
        print(f"{jobs:,} jobs stored in {time.monotonic() - began:.0f} s")
        env = {**os.environ, "REDIS_URL": url}
        command = [str(Path(sys.executable).with_name("jobctl")), "web", "--spec", "jobs.yaml", "--port", "0"]
        console = subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
        try:
            assert console.stderr is not None  # noqa: S101 - it is a pipe
            measure(console.stderr.readline().split()[1].rstrip("/"), rare=jobs // 10)
        finally:
            console.terminate()
            console.communicate(timeout=20)


def fill(url: str, folder: Path, jobs: int) -> None:
    """Store seven tenths as queued, two as complete and one as dead."""
    with BlockingClient(load_plan(str(folder / "jobs.yaml")), url) as client:
        for _ in client.enqueue_stream(NewJob(JOBS[n % 3][0], {"order": n}) for n in range(jobs * 7 // 10)):
            pass
    now_ms = int(time.time() * 1000)
    with redis.Redis.from_url(url) as server:
        for start in range(0, jobs * 3 // 10, BATCH):
            pipe = server.pipeline(transaction=False)
            for n in range(start, min(start + BATCH, jobs * 3 // 10)):
                _end(pipe, n, now_ms - n * 100, is_dead=n % 3 == 1)
            pipe.execute()


def _end(pipe: redis.client.Pipeline, n: int, at_ms: int, *, is_dead: bool) -> None:
    _, kind, queue = JOBS[n // 3 % 3] if n != 1 else JOBS[1]
    key = f"{'dead' if is_dead else 'done'}-{n}"
    record = {
        "function": kind, "kwargs": {"order": n}, "queue": queue, "key": key, "queued": at_ms - 900, "retries": 4,
        "attempts": 4 if is_dead else 1, "started": at_ms - 40, "completed": at_ms,
        "status": "failed" if is_dead else "complete",
    }  # fmt: skip
    if is_dead:
        record["error"] = f"TimeoutError: mail server {n % 7}: no answer within 30s"
    of = QueueKeys(queue)
    pipe.set(job_id(queue, key), json.dumps(record))
    pipe.zadd(of.dead if is_dead else of.complete, {job_id(queue, key): at_ms})


def measure(address: str, *, rare: int) -> None:
    """Open every page several times."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.goto(address)
        print(f"{'page':32} {'answer ms':>18} {'shown ms':>18} {'kB':>6}")
        for name, path in PAGES.items():
            found = [_open(page, address + path.format(rare=rare - rare % 3 + 1)) for _ in range(ROUNDS)]
            answers, loads, sizes = (list(each) for each in zip(*found, strict=True))
            told = [f"{statistics.median(each):.0f} ({max(each):.0f})" for each in (answers, loads)]
            print(f"{name:32} {told[0]:>18} {told[1]:>18} {sizes[0] / 1000:>6.0f}")
        browser.close()


def _open(page: Page, address: str) -> tuple[float, float, float]:
    page.goto(address)
    page.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
    answer, load, size = page.evaluate(TIMES)
    return answer, load, size


if __name__ == "__main__":
    main()
