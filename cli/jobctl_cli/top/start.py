"""Opens the console on the terminal, and closes it whatever happens."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from jobctl_cli.top.app import TopApp
from jobctl_cli.top.feed import Feed

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector import Inspector
    from jobctl_cli.environment import Environment


async def run(
    env: Environment, plan: Plan | None, inspector: Inspector, *, interval_s: float, read_only: bool, where: str
) -> None:
    """Show the console until its reader leaves.

    Raises:
        BrokerUnreachable: no broker answers at first; later ones are told of on the screen and waited for.
    """
    from jobctl_cli.view import View

    feed = Feed(env, inspector, plan, View(plan))
    await feed.read()
    app = TopApp(feed, interval_s=interval_s, read_only=read_only, where=where)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, app.exit)
    await app.run_async()
