"""Trying an alert."""

from __future__ import annotations

from starlette.responses import Response

from jobctl.alerts.trial import send_test
from jobctl_web.action import Action, Order
from jobctl_web.console import actor
from jobctl_web.roles import Role


async def test(order: Order) -> Response:
    """Send a test message to all destinations of an alert."""
    console = order.web.console
    name = order.one("alert")
    alert = next((each for each in console.declared.alerts if each.name == name), None)
    if alert is None:
        return order.refused(f"No alert {name} is declared.")
    keys = await send_test(console.client, console.redis, alert, actor=actor(order.identity))
    count = f"{len(keys)} {'destination' if len(keys) == 1 else 'destinations'}"
    return order.done(
        f"A test of {name} is on its way to {count}: a worker delivers it, and this page says what became of it."
    )


ACTIONS = (Action("/alerts/test", Role.OPERATOR, test),)
