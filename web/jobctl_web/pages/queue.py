"""One queue: its size by state, its rates, waits and runs, and its days."""

from __future__ import annotations

from typing import Any

from jobctl_web.console import Console
from jobctl_web.days import by_type, daily
from jobctl_web.page import Ask, Missing, Page
from jobctl_web.pages.overview import queue_lines


async def load(console: Console, ask: Ask) -> dict[str, Any]:
    """Read one queue.

    Raises:
        Missing: there is no queue of this name.
    """
    name = ask.path["queue"]
    snapshot = await console.snapshot()
    line = next((line for line in queue_lines(snapshot) if line.status.name == name), None)
    if line is None:
        raise Missing(f"there is no queue `{name}`")

    return {
        "line": line,
        "queue": line.status,
        "moments": snapshot.moments,
        "complete_per_s": snapshot.per_s("complete", [name]),
        "failed_per_s": snapshot.per_s("failed", [name]),
        "wait_ms": snapshot.history.mean_ms("wait_ms", ["started"], [name]),
        "run_ms": snapshot.history.mean_ms("run_ms", ["complete", "failed"], [name]),
        "daily": daily(await console.days(), lambda row: row.queue == name),
        "types": by_type([row for row in (await console.today()).rows if row.queue == name]),
        "workers": [worker for worker in snapshot.overview.workers if name in worker.queues],
    }


PAGE = Page(path="/queues/{queue}", template="queue.html", load=load, section="overview")
