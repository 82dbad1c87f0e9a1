"""One schedule: its history, how long its runs took, its next ticks."""

from __future__ import annotations

from itertools import islice
from typing import Any

from jobctl.clock import utc
from jobctl.errors import UnknownSchedule
from jobctl.scheduler.ticks import ticks_after
from jobctl_web.console import Console
from jobctl_web.page import Ask, Missing, Page

SHOWN = 60
NEXT = 5


async def load(console: Console, ask: Ask) -> dict[str, Any]:
    """Read one schedule with its runs.

    Raises:
        Missing: there is none of this id.
    """
    schedules = console.inspector().schedules
    try:
        status = await schedules.find(ask.path["schedule"])
        runs = await schedules.history(ask.path["schedule"], limit=SHOWN)
    except UnknownSchedule as error:
        raise Missing(error.message) from None
    now_ms = (await console.snapshot()).overview.at_ms
    ended = [run for run in reversed(runs) if run.started_ms and run.ended_ms]
    ticks = [] if status.next is None else list(islice(ticks_after(status.schedule, utc(now_ms / 1000)), NEXT))
    return {
        "status": status,
        "schedule": status.schedule,
        "runs": runs,
        "next": [round(tick.timestamp() * 1000) for tick in ticks],
        "run_at": [run.started_ms for run in ended],
        "run_s": [(run.ended_ms - run.started_ms) / 1000 for run in ended],
        "is_planned": console.plan is not None and any(one.id == status.schedule.id for one in console.plan.schedules),
    }


PAGE = Page(path="/schedules/{schedule:path}", template="schedule.html", load=load, section="schedules", every_s=2.0)
