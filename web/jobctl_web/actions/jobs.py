"""What can be done to jobs: one, those ticked, or all that match a filter."""

from __future__ import annotations

from starlette.responses import Response

from jobctl_web.action import Action, Order
from jobctl_web.roles import Role


async def replay(order: Order) -> Response:
    """Run an ended job again."""
    name = order.one("job")
    done = await order.web.console.inspector(order.identity).replay(name)
    return order.done(f"Replayed as {done.key}.", onward=f"/jobs/{done.queue}:{done.key}")


ACTIONS = (Action("/replay", Role.OPERATOR, replay),)
