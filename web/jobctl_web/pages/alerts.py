"""The alerts of the specs: what each watches, whether it is told of now, and whether its messages arrived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.alerts import deliveries, ledger
from jobctl.alerts.ledger import Told
from jobctl.alerts.wording import condition, shown
from jobctl.broker.connect import translate_errors
from jobctl.durations import format_duration
from jobctl_web.console import Console
from jobctl_web.page import Ask, Page

if TYPE_CHECKING:
    from jobctl.records import JobRecord
    from jobctl.spec.model import Alert


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an alert goes, without what may be secret, and the latest job that went there."""

    name: str
    delivery: JobRecord | None

    @property
    def word(self) -> str:
        """What became of it."""
        if self.delivery is None:
            return "nothing sent"
        return "delivered" if self.delivery.state == "complete" else str(self.delivery.state)


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert as it is shown."""

    alert: Alert
    told: Told | None
    destinations: tuple[Destination, ...]

    @property
    def condition(self) -> str:
        """What it watches."""
        return condition(self.alert)

    @property
    def every(self) -> str:
        """How often it is told of at most."""
        return format_duration(self.alert.every_s)

    @property
    def state(self) -> str:
        """``firing``, ``calm``, or ``unseen``: no worker has looked at it yet. Deaths do not last: they are told of."""
        if self.told is None:
            return "unseen"
        return "firing" if self.told.is_firing else "calm"


async def load(console: Console, _: Ask) -> dict[str, Any]:
    """Read what was told of each alert, and what became of it."""
    alerts = console.plan.alerts if console.plan else ()
    if not alerts:
        return {"lines": [], "is_watched": True, "firing": 0, "undelivered": 0}
    with translate_errors():
        told = await ledger.read(console.redis, [alert.name for alert in alerts])
        is_watched = await ledger.is_watched(console.redis)
    sent = await deliveries.latest(console.inspector())
    lines = [
        AlertLine(
            alert,
            told.get(alert.name),
            tuple(Destination(shown(to), sent.get((alert.name, number))) for number, to in enumerate(alert.to)),
        )
        for alert in alerts
    ]
    return {
        "lines": lines,
        "is_watched": is_watched,
        "firing": sum(line.state == "firing" for line in lines),
        "undelivered": sum(to.word in ("dead", "retrying") for line in lines for to in line.destinations),
    }


PAGE = Page(path="/alerts", template="alerts.html", load=load, section="alerts", every_s=2.0)
