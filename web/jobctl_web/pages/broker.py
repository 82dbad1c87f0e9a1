"""The broker's server: memory, clients, persistence, and whether it is fit for a queue."""

from __future__ import annotations

from typing import Any

from jobctl_web.console import Console
from jobctl_web.page import Ask, Page


async def load(console: Console, _: Ask) -> dict[str, Any]:
    """Read what the server says of itself."""
    server = await console.server()
    return {"server": server, "info": sorted(server.info.items()) if server.info else []}


PAGE = Page(path="/broker", template="broker.html", load=load, section="broker", every_s=2.0)
