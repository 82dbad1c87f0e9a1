"""All schedules: next and last runs, what is overdue."""

from __future__ import annotations

from typing import Any

from jobctl_web.console import Console
from jobctl_web.page import Ask, Page


async def load(console: Console, _: Ask) -> dict[str, Any]:
    """Read the schedules."""
    return {"schedules": await console.inspector().schedules.statuses()}


PAGE = Page(path="/schedules", template="schedules.html", load=load, section="schedules", every_s=2.0)
