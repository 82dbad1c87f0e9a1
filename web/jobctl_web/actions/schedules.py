"""Running, pausing and resuming schedules."""

from __future__ import annotations

from starlette.responses import Response

from jobctl.scheduler.claim import Answer
from jobctl_web.action import Action, Order
from jobctl_web.roles import Role


async def run(order: Order) -> Response:
    """Run a schedule's job now; its overlap holds."""
    schedule = order.one("schedule")
    filled = await order.web.console.inspector(order.identity).schedules.run(schedule)
    if filled.answer is Answer.STORED:
        return order.done(f"{schedule} runs: job {filled.key}.")
    if filled.answer is Answer.WAITING:
        return order.done(f"{schedule} runs when its earlier run has ended.")
    return order.refused(f"{schedule} does not run now: {filled.answer}.", "Its earlier run has not ended.")


async def pause(order: Order) -> Response:
    """Let a schedule's ticks make no jobs."""
    schedule = order.one("schedule")
    changed = await order.web.console.inspector(order.identity).schedules.pause(schedule)
    return order.done(f"{schedule} {'is' if changed else 'was already'} paused.")


async def resume(order: Order) -> Response:
    """Let a schedule's ticks make jobs again."""
    schedule = order.one("schedule")
    changed = await order.web.console.inspector(order.identity).schedules.resume(schedule)
    return order.done(f"{schedule} {'ticks again' if changed else 'was not paused'}.")


ACTIONS = (
    Action("/schedules/run", Role.OPERATOR, run),
    Action("/schedules/pause", Role.OPERATOR, pause),
    Action("/schedules/resume", Role.OPERATOR, resume),
)
