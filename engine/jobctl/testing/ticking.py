"""What a worker does for everyone, upkeep and schedules, one step at a time."""

from __future__ import annotations

from collections.abc import Collection

from jobctl.broker.upkeep import Findings, Upkeep
from jobctl.errors import UnknownSchedule
from jobctl.names import did_you_mean
from jobctl.scheduler.ticker import Scheduler


class Ticking:
    """Upkeep, and the ticks of some schedules.

    Args:
        schedules: ids of the schedules whose ticks are fired; None = all.

    Raises:
        UnknownSchedule: the plan has none of such an id.
    """

    def __init__(self, scheduler: Scheduler, upkeep: Upkeep, schedules: Collection[str] | None) -> None:
        schedules = [schedules] if isinstance(schedules, str) else schedules  # a text is a collection of letters, too
        known = [schedule.id for schedule in scheduler.plan.schedules]
        for name in schedules or ():
            if name not in known:
                hint = did_you_mean(name, known) or f"schedules: {', '.join(known) or 'none'}"
                raise UnknownSchedule(f"no schedule `{name}` is declared", hint=hint)
        self._scheduler = scheduler
        self._upkeep = upkeep
        self._schedules = schedules

    @property
    def next_ms(self) -> int | None:
        """When the next tick is due."""
        return self._scheduler.next_ms(self._schedules)

    async def tick(self) -> tuple[Findings, int]:
        """Do it once; return what upkeep found, and how many ticks have made jobs."""
        findings = await self._upkeep.tick()
        self._scheduler.set_clock(findings.now_ms)
        return findings, len(await self._scheduler.tick(self._schedules))
