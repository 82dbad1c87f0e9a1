"""Which schedules should have fired and have not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from jobctl.clock import utc
from jobctl.compiler.plan import Schedule
from jobctl.scheduler.ticks import next_tick
from jobctl.spec.model import CatchUp, Overlap

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan

OVERDUE_S = 10.0  # a tick not claimed for so long did not fire when it should have
FORGOTTEN_S = 86_400.0  # what no plan has had for so long is not missed any more


def find_overdue(
    plan: Plan | None, states: Mapping[str, tuple[int, Mapping[bytes, bytes]]], now_ms: int
) -> tuple[str, ...]:
    """Return the ids of overdue schedules.

    Args:
        plan: the specs, if there are any.
        states: id -> (ms when a scheduler last had it, the stored hash).
        now_ms: the broker's clock.
    """
    planned = {one.id: one for one in plan.schedules} if plan else {}
    found = []
    for schedule_id, (seen_ms, raw) in states.items():
        state = texts(raw)
        schedule = planned.get(schedule_id) or stored_schedule(schedule_id, state)
        is_missed = schedule_id in planned or now_ms - seen_ms < FORGOTTEN_S * 1000
        if schedule is not None and is_missed and overdue_ms(schedule, state, now_ms):
            found.append(schedule_id)
    return tuple(found)


def overdue_ms(schedule: Schedule, state: Mapping[str, str], now_ms: int) -> int:
    """Return how long a schedule's next tick has been due without being claimed, ms; 0 = it is not, or need not be.

    Args:
        schedule: as declared.
        state: the stored hash; see `jobctl.broker.keys.schedule`.
        now_ms: the broker's clock.
    """
    if not state.get("last_ms") or "paused_ms" in state or "removed_ms" in state:
        return 0
    due = next_tick(schedule, utc(int(state["last_ms"]) / 1000))
    late_ms = 0 if due is None else now_ms - round(due.timestamp() * 1000)
    return late_ms if late_ms > OVERDUE_S * 1000 else 0


def stored_schedule(schedule_id: str, state: Mapping[str, str]) -> Schedule | None:
    """Return a schedule as the broker has it, without its payload; None if it cannot be read."""
    try:
        body = msgspec.json.decode(state["definition"])
        body |= {"catch_up": CatchUp(body["catch_up"]), "overlap": Overlap(body["overlap"])}
        return Schedule(id=schedule_id, payload={}, **body)
    except (KeyError, TypeError, ValueError):
        return None  # written by a version that we do not know


def texts(state: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return a stored hash as texts."""
    return {name.decode(): value.decode() for name, value in state.items()}
