"""One job type: its declaration, its days, its durations."""

from __future__ import annotations

from typing import Any

from jobctl.inspector.filters import where
from jobctl.records import JobState
from jobctl_web.console import Console
from jobctl_web.days import daily, quantile, total
from jobctl_web.display import shown
from jobctl_web.page import Ask, Missing, Page

PERCENTILES = (50, 90, 95, 99)
LATEST = 10
EFFORT = 2_000


async def load(console: Console, ask: Ask) -> dict[str, Any]:
    """Read one type.

    Raises:
        Missing: no spec declares it, and nothing was ever counted of it.
    """
    asked = ask.path["type"]
    registration = next((each for each in console.plan.registrations if asked in (each.name, each.type)), None) \
        if console.plan else None  # fmt: skip
    kind = registration.type if registration else asked
    days, today = await console.days(), await console.today()
    if registration is None and not any(row.type == kind for day in days for row in day.rows):
        raise Missing(f"there is no job type `{asked}`")
    now = total(row for row in today.rows if row.type == kind)
    over_days = total(row for day in days for row in day.rows if row.type == kind)
    dead = await console.inspector().page(where(state=JobState.DEAD.value, type=kind), limit=LATEST, effort=EFFORT)
    return {
        "type": kind,
        "name": registration.name if registration else kind,
        "registration": registration,
        "schedules": [one for one in console.plan.schedules if one.type == kind] if console.plan else [],
        "today": now,
        "days": over_days,
        "daily": daily(days, lambda row: row.type == kind),
        "percentiles": [
            (f"p{each}", quantile(over_days.wait, each), quantile(over_days.run, each)) for each in PERCENTILES
        ],
        "dead": [shown(console.plan, job) for job in dead.jobs],
    }


PAGE = Page(path="/types/{type:path}", template="type.html", load=load, section="types", every_s=5.0)
