"""The handler of `shop.yaml`: takes its time, and fails now and then."""

from __future__ import annotations

import asyncio
import random

from jobctl import Context, Dead


async def confirm(ctx: Context, order: int) -> None:
    """Confirm an order.

    Raises:
        Dead: there is no such order.
        TimeoutError: the mail server is slow today.
    """
    await asyncio.sleep(random.uniform(0.005, 0.06))
    if order % 97 == 0:
        raise TimeoutError("mail server: no answer within 30s")
    if order % 331 == 0:
        raise Dead(f"there is no order {order}")
    ctx.log.debug("confirmed", extra={"order": order})
