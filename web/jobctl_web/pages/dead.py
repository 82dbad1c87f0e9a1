"""The dead by type and kind of error: what an incident looks like at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.inspector.deaths import Kind
from jobctl.inspector.filters import where
from jobctl.inspector.redaction import HIDDEN, has_secrets
from jobctl_web.console import Console
from jobctl_web.display import job_name
from jobctl_web.page import Ask, Page

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan


@dataclass(frozen=True, slots=True)
class KindLine:
    """One kind of death as it may be shown."""

    name: str
    kind: Kind
    message: str
    filter: str


def as_shown(kind: Kind, plan: Plan | None) -> KindLine:
    """Return a kind of death without its message where the job's payload has secrets, for messages quote payloads."""
    registration = plan.by_type.get(kind.type) if plan else None
    name = job_name(plan, kind.type)
    if registration is None or not has_secrets(registration):
        return KindLine(name, kind, kind.message, kind.filter)
    return KindLine(name, kind, HIDDEN, str(where(queue=kind.queue, type=kind.type)))


async def load(console: Console, _: Ask) -> dict[str, Any]:
    """Read what the dead died of."""
    deaths = await console.deaths()
    return {"deaths": deaths, "lines": [as_shown(kind, console.plan) for kind in deaths.kinds]}


PAGE = Page(path="/dead", template="dead.html", load=load, section="dead", every_s=5.0)
