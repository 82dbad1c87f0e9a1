"""The workers and what is in their hands."""

from __future__ import annotations

from typing import Any

from jobctl_web.console import Console
from jobctl_web.page import Ask, Page
from jobctl_web.pages.overview import slots


async def load(console: Console, _: Ask) -> dict[str, Any]:
    """Read the workers."""
    snapshot = await console.snapshot()
    busy, slots_in_all = slots(snapshot)
    plan = console.plan
    return {
        "overview": snapshot.overview,
        "workers": snapshot.overview.workers,
        "busy": busy,
        "slots": slots_in_all,
        "fingerprint": plan.fingerprint if plan else "",
        "fingerprints": {worker.fingerprint for worker in snapshot.overview.workers},
    }


PAGE = Page(path="/workers", template="workers.html", load=load, section="workers")
