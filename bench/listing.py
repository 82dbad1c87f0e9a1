"""How fast are jobs found among a million? `python -m bench.listing [--jobs 1000000] [--json]`.

A server of its own is filled with jobs as workers leave them: complete, queued, dead, over three queues and two weeks,
of five types. Then pages are read by index, and filters are answered by looking at records. Beside each time stand the
entries looked at, and the longest that one command held up the server. Exits with 6 if a page of 50 by index takes
longer than 50 ms, or if anything has scanned the keys.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import redis

from jobctl.broker.connect import connect
from jobctl.broker.embedded import embedded_broker
from jobctl.broker.envelope import new_key
from jobctl.broker.keys import QUEUES, QueueKeys, job_id
from jobctl.errors import ThresholdMissed
from jobctl.inspector import Inspector

JOBS = 1_000_000
NAMES = ("critical", "default", "low")
TYPES = ("tenant:initialize", "mail:send", "report:build", "sync:pull", "cleanup")
SPAN_MS = 14 * 86_400_000
CHUNK = 2_000
TURNS = 5  # each question is asked so often; the median counts
PAGE = 50  # jobs
LIMIT_MS = 50.0
SCANS = {"scan", "keys", "hscan", "zscan", "sscan", "randomkey"}

PAGES = (
    ("any job", "", 50),
    ("dead", "state=dead", 50),
    ("dead, one queue, last hour", "state=dead and queue=low and age<1h", 50),
    ("complete, 3 to 4 days old", "state=complete and age>3d and age<4d", 50),
    ("queued, one queue", "state=queued and queue=default", 50),
    ("500 complete", "state=complete", 500),
    ("one key", "key={key}", 50),
)
FILTERS = (
    ("dead of one type", "state=dead and type=mail:send"),
    ("dead by error text", 'state=dead and error~"timed out"'),
    ("dead or complete, one payload", "state=dead,complete and payload.tenant=t-4711"),
    ("any state, one payload", "payload.tenant=t-4711"),
    ("any state, by key prefix", "key={prefix}*"),
    ("any state, attempts", "attempts>=4"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long one question took.

    Attributes:
        found: jobs in the answer (count).
        examined: entries of indexes looked at (count).
        ms: median of the turns.
        held_ms: longest that one command of it held up the server.
    """

    what: str
    filter: str
    found: int
    examined: int
    ms: float
    held_ms: float


def records(count: int, now_ms: int) -> Iterator[tuple[str, str, str, int, dict[str, Any]]]:
    """Yield ``(id, queue, state, moment, record)`` of each job: of ten jobs seven complete, two queued, one dead."""
    draw = random.Random(7)
    for n in range(count):
        key, queue, state = new_key(), NAMES[n % 3], ("complete",) * 7 + ("queued",) * 2 + ("dead",)
        what = state[n % 10]
        moment = now_ms - draw.randrange(SPAN_MS)
        record = {
            "function": TYPES[draw.randrange(5)], "kwargs": {"tenant": f"t-{n % 50_000}", "n": n}, "queue": queue,
            "key": key, "timeout": 120, "retries": 6, "ttl": 86_400, "queued": moment - 1_500, "status": "queued",
        }  # fmt: skip
        if what != "queued":
            error = f"TimeoutError: tenant {n} timed out" if n % 3 else "ValueError: no such tenant"
            record |= {
                "status": "complete" if what == "complete" else "failed", "started": moment - 40, "completed": moment,
                "attempts": 1 + n % 6, "worker_id": "bc2955b5c9aa", "error": error if what == "dead" else None,
            }  # fmt: skip
        yield job_id(queue, key), queue, what, moment, record


def fill(server: redis.Redis, count: int) -> list[str]:
    """Put jobs into the broker, and return a few of their keys."""
    server.sadd(QUEUES, *NAMES)
    keys: list[str] = []
    pipe = server.pipeline(transaction=False)
    for n, (job, queue, state, moment, record) in enumerate(records(count, int(time.time() * 1000))):
        of = QueueKeys(queue)
        pipe.set(job, json.dumps(record, separators=(",", ":")))
        if state == "queued":
            pipe.rpush(of.queued, job)
            pipe.zadd(of.incomplete, {job: 0})
        else:
            pipe.zadd(of.complete if state == "complete" else of.dead, {job: moment})
        if n % (count // 10 or 1) == 0:
            keys.append(record["key"])
        if len(pipe) >= CHUNK:
            pipe.execute()
    pipe.execute()
    return keys


async def ask(inspector: Inspector, server: redis.Redis, what: str, text: str, limit: int | None, turns: int) -> Timing:
    """Ask for jobs some times: a page of so many, or all that match."""
    taken: list[float] = []
    server.slowlog_reset()
    for _ in range(turns):
        began = time.perf_counter()
        page = await inspector.page(text, limit=limit or 10**9)
        taken.append((time.perf_counter() - began) * 1000)
    entries: Any = server.slowlog_get(128)
    held = max((entry["duration"] / 1000 for entry in entries), default=0.0)
    return Timing(
        what=what, filter=text, found=len(page.jobs), examined=page.examined, ms=round(median(taken), 1), held_ms=held
    )


async def measure(url: str, count: int) -> tuple[list[Timing], list[Timing], dict[str, float]]:
    """Fill a broker and ask it; return the timings of pages and of filters, and facts about the broker."""
    with redis.Redis.from_url(url) as server:
        began = time.perf_counter()
        keys = fill(server, count)
        facts = {"jobs": count, "filled_s": round(time.perf_counter() - began, 1)}
        server.config_set("slowlog-log-slower-than", 0)
        server.config_set("slowlog-max-len", 128)
        server.config_resetstat()
        async with connect(url) as client:
            inspector = Inspector(client)
            named = {"key": keys[len(keys) // 2], "prefix": keys[len(keys) // 2][:8]}
            await inspector.page(limit=1)
            pages = [
                await ask(inspector, server, what, text.format_map(named), limit, TURNS) for what, text, limit in PAGES
            ]
            server.config_set("slowlog-log-slower-than", 500)
            filters = [await ask(inspector, server, what, text.format_map(named), None, 1) for what, text in FILTERS]
        used = {name.removeprefix("cmdstat_") for name in server.info("commandstats")}
        facts["scans"] = len(used & SCANS)
        facts["memory_mib"] = round(server.info("memory")["used_memory"] / 2**20)
    return pages, filters, facts


def report(pages: Sequence[Timing], filters: Sequence[Timing], facts: dict[str, float]) -> str:
    """Return the figures as text."""
    lines = [
        f"{facts['jobs']:,.0f} jobs, {facts['memory_mib']:,.0f} MiB; commands that scan keys: {facts['scans']:.0f}"
    ]
    for title, timings in (("a page, by index", pages), ("all that match, by looking", filters)):
        lines += ["", f"{title:<32}{'found':>10}{'looked at':>11}{'ms':>10}{'a second':>13}{'held ms':>9}"]
        for each in timings:
            rate = f"{each.examined / each.ms * 1000:,.0f}" if each.ms and title.startswith("all") else ""
            lines.append(
                f"  {each.what:<30}{each.found:>10,}{each.examined:>11,}{each.ms:>10,.1f}{rate:>13}{each.held_ms:>9.2f}"
            )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.listing", description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"jobs in the broker (default: {JOBS:,})")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as home, embedded_broker(Path(home)) as url:
        pages, filters, facts = asyncio.run(measure(url, options.jobs))
    if options.json:
        figures = {**facts, "pages": [asdict(each) for each in pages], "filters": [asdict(each) for each in filters]}
        print(json.dumps(figures, indent=2))
    else:
        print(report(pages, filters, facts))
    slow = [each for each in pages if each.found <= PAGE and each.ms > LIMIT_MS]
    for each in slow:
        print(f"missed: `{each.filter}` took {each.ms:.1f} ms, over {LIMIT_MS:.0f}", file=sys.stderr)
    return ThresholdMissed.exit_code if slow or facts["scans"] else 0


if __name__ == "__main__":
    sys.exit(main())
