"""Pausing and resuming queues."""

from __future__ import annotations

from starlette.responses import Response

from jobctl_web.action import Action, Order
from jobctl_web.roles import Role


async def pause(order: Order) -> Response:
    """Let no worker start jobs of a queue any more."""
    queue = order.request.path_params["queue"]
    changed = await order.web.console.inspector(order.identity).pause(queue)
    return order.done(f"Queue {queue} {'is' if changed else 'was already'} paused.")


async def resume(order: Order) -> Response:
    """Let workers start jobs of a queue again."""
    queue = order.request.path_params["queue"]
    changed = await order.web.console.inspector(order.identity).resume(queue)
    return order.done(f"Queue {queue} {'runs again' if changed else 'was not paused'}.")


ACTIONS = (
    Action("/queues/{queue}/pause", Role.OPERATOR, pause),
    Action("/queues/{queue}/resume", Role.OPERATOR, resume),
)
