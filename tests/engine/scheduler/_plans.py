"""Plans of schedules in a line, and schedulers on a clock that the test steps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobctl.broker import keys
from jobctl.compiler.plan import Plan, QueuePlan, Registration, Schedule
from jobctl.scheduler.ticker import Scheduler
from jobctl.spec.model import Backoff, CatchUp, Scheduling

START = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)


def registration(name: str, **options: Any) -> Registration:
    fields = {
        "name": name, "type": name, "handler": f"app:{name}", "queue": "low", "summary": "", "attempts": 1,
        "timeout_s": 10.0, "heartbeat_s": 0.0, "retention_s": 600.0, "dead_retention_s": 600.0, "max_crashes": 3,
        "backoff": Backoff(), "unique": None, "payload": (), "alert": (), "tags": (), **options,
    }  # fmt: skip
    return Registration(**fields)


def schedule(name: str, expression: str, **options: Any) -> Schedule:
    fields = {
        "id": name, "job": name.partition("/")[0], "type": name.partition("/")[0], "queue": "low",
        "expression": expression, "timezone": "UTC", "payload": {}, "catch_up": CatchUp.ONCE, **options,
    }  # fmt: skip
    return Schedule(**fields)


def plan_of(*schedules: Schedule | tuple[str, str], jobs: tuple[Registration, ...] = (), **options: Any) -> Plan:
    """A plan of ``(id, expression)`` pairs or schedules, each on the job of its name."""
    made = tuple(one if isinstance(one, Schedule) else schedule(*one, **options) for one in schedules)
    known = {job.name: job for job in jobs}
    for one in made:
        known.setdefault(one.job, registration(one.job))
    return Plan(
        queues=(QueuePlan(name="low", weight=1, share=1.0),),
        scheduling=Scheduling.WEIGHTED,
        registrations=tuple(known.values()),
        schedules=made,
    )


class Stepped(Scheduler):
    """A scheduler that takes its time from the test, ms since the epoch, and starts with the first of January."""

    def __init__(self, plan: Plan, server: Any, clock: dict[str, int]) -> None:
        super().__init__(plan, server)
        self.clock = clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock["now"] / 1000, UTC)

    async def begin(self) -> None:
        applied = await self.registry.apply(self.plan)
        for track in self._tracks:
            found = applied.schedules[track.schedule.id]
            last_ms = found.last_ms
            if last_ms > self.clock["now"]:  # the server's real clock: it was added just now
                last_ms = self.clock["now"]
                await self.registry._server.hset(keys.schedule(track.schedule.id), "last_ms", last_ms)
            track.move(last_ms)
            track.has_waiting = found.waiting > 0


async def stepped(redis: Any, plan: Plan, at_ms: int = START_MS) -> Stepped:
    """Start a scheduler at a time."""
    scheduler = Stepped(plan, redis, {"now": at_ms})
    await scheduler.begin()
    return scheduler
