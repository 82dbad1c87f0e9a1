"""The audit log: who did what."""

from __future__ import annotations

from typing import Any

from jobctl.inspector import audit
from jobctl_web.console import Console
from jobctl_web.page import Ask, Page

SHOWN = 100


async def load(console: Console, ask: Ask) -> dict[str, Any]:
    """Read the latest actions, of one actor or one kind if asked for."""
    actor, action = ask.query.get("actor", ""), ask.query.get("action", "")
    entries = await audit.read(console.redis, SHOWN, actor=actor or None, action=action or None)
    return {"entries": entries, "actor": actor, "action": action, "actions": [str(each) for each in audit.Action]}


PAGE = Page(path="/audit", template="audit.html", load=load, section="audit", every_s=3.0)
