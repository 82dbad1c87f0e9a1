"""The dead by type and kind of error: what an incident looks like at a glance."""

from __future__ import annotations

from typing import Any

from jobctl_web.console import Console
from jobctl_web.display import job_name
from jobctl_web.page import Ask, Page


async def load(console: Console, _: Ask) -> dict[str, Any]:
    """Read what the dead died of."""
    deaths = await console.deaths()
    lines = [{"name": job_name(console.plan, kind.type), "kind": kind} for kind in deaths.kinds]
    return {"deaths": deaths, "lines": lines}


PAGE = Page(path="/dead", template="dead.html", load=load, section="dead", every_s=5.0)
