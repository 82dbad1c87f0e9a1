"""The handlers of `shop.yaml`: they take their time, and fail now and then."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from jobctl import Context, Dead


async def confirm(ctx: Context, order: int, token: str | None = None) -> dict[str, Any]:
    """Confirm an order.

    Raises:
        Dead: there is no such order.
        TimeoutError: the mail server is slow today.
    """
    await asyncio.sleep(random.expovariate(1 / 0.04))
    if order % 61 == 0:
        raise TimeoutError("mail server: no answer within 30s")
    if order % 331 == 0:
        raise Dead(f"there is no order {order}")
    return {"order": order, "sent": True, "carrier": random.choice(["dhl", "ups", "gls"])}


async def bring_in(ctx: Context, supplier: str, limit: int, **_: Any) -> dict[str, Any]:
    """Import a catalogue, bit by bit."""
    for step in range(40):
        ctx.progress(step / 40)
        await asyncio.sleep(1)
    return {"supplier": supplier, "articles": limit}


async def sum_up(ctx: Context, day: str) -> dict[str, Any]:
    """Sum up a day."""
    await asyncio.sleep(random.uniform(0.4, 2.5))
    return {"day": day, "orders": 4711}
