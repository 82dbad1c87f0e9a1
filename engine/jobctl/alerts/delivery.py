"""The handler of the job that delivers alerts, one job a destination: a slow one holds up itself and nobody else.

A job names an alert and the number of its destination, never an address or a command: those come from the specs of the
worker, so that whoever can write to the broker cannot make a worker run what he likes.
"""

from __future__ import annotations

from typing import Any

from jobctl.alerts.message import Message
from jobctl.alerts.sending import send
from jobctl.outcomes import Dead
from jobctl.worker.context import Context
from jobctl.worker.worker import DESTINATIONS


async def deliver(ctx: Context, alert: str, event: str, title: str, lines: list[Any], at_ms: int, to: int) -> None:
    """Deliver an alert to one of its destinations."""
    declared = ctx.state.get(DESTINATIONS, {}).get(alert, ())
    if to >= len(declared):
        raise Dead(f"the specs of this worker declare no alert `{alert}` with so many destinations")
    message = Message(alert=alert, event=event, title=title, lines=[str(line) for line in lines], at_ms=at_ms)
    await send(declared[to], message)
    ctx.log.info("alert delivered", extra={"alert": alert, "event": event, "to": to})
