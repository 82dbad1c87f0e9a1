"""All job types: what became of them, how long they wait and run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobctl.compiler.plan import Registration
from jobctl.inspector.stats import TypeStats
from jobctl_web.console import Console
from jobctl_web.days import by_type, daily, total
from jobctl_web.page import Ask, Page


@dataclass(frozen=True, slots=True)
class TypeLine:
    """A type today, and its last days."""

    name: str
    type: str
    registration: Registration | None
    today: TypeStats
    complete: list[float]
    failed: list[float]


async def load(console: Console, _: Ask) -> dict[str, Any]:
    """Read what every type did."""
    today, days = await console.today(), await console.days()
    declared = {each.type: each for each in console.plan.registrations} if console.plan else {}
    counted = {row.type: row for row in by_type(today.rows)}
    seen = {row.type for day in days for row in day.rows}
    lines = []
    for kind in [*declared, *sorted(seen.difference(declared))]:
        of_days = daily(days, lambda row, kind=kind: row.type == kind)  # type: ignore[misc]
        registration = declared.get(kind)
        name = registration.name if registration else kind
        lines.append(
            TypeLine(name, kind, registration, counted.get(kind) or total(()), of_days.complete, of_days.failed)
        )
    return {"lines": lines}


PAGE = Page(path="/types", template="types.html", load=load, section="types", every_s=5.0)
