"""What jobs died of."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from jobctl_cli.moments import ago, iso
from jobctl_cli.output import emit
from jobctl_cli.text import harmless, plural, wrap

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector.deaths import Deaths, Kind
    from jobctl_cli.environment import Environment

SHOWN = 20
WIDEST = 100


def show(env: Environment, output: str, plan: Plan | None, deaths: Deaths) -> None:
    """Write the kinds of errors, the most frequent first; to stderr what was left out."""
    width = min(env.size[0], WIDEST)

    def render() -> str:
        if not deaths.kinds:
            return "no dead jobs"
        return "\n\n".join("\n".join(_lines(env, plan, kind, width)) for kind in deaths.kinds[:SHOWN])

    data = [
        {
            "queue": kind.queue,
            "job": _name(plan, kind),
            "type": kind.type,
            "error": kind.error or None,
            "message": kind.message,
            "count": kind.count,
            "first_at": iso(kind.first_ms),
            "last_at": iso(kind.last_ms),
            "example": kind.example,
            "filter": kind.filter,
            "replay": _replay(kind),
        }
        for kind in deaths.kinds
    ]
    emit(env, output, data, table=render, names=lambda: (kind.example for kind in deaths.kinds))
    if output == "table" and len(deaths.kinds) > SHOWN:
        env.note(f"note: these are the first {SHOWN} of {len(deaths.kinds):,} kinds; `-o json` has them all")
    if deaths.looked_at < deaths.total:
        env.note(f"note: a sample: the latest {deaths.looked_at:,} of {plural(deaths.total, 'dead job')}")


def _lines(env: Environment, plan: Plan | None, kind: Kind, width: int) -> list[str]:
    now_ms = env.clock.time() * 1000
    count = f"{kind.count:,}"
    said = ": ".join(part for part in (kind.error, kind.message) if part) or "no error was left"
    head, *more = wrap(f"{count} {_name(plan, kind)} {harmless(said)}", width - 2)
    when = f"last {ago(kind.last_ms, now_ms)} ago"
    if kind.count > 1:
        when += f", first {ago(kind.first_ms, now_ms)} ago"
    return [
        env.out("bold red", count) + head[len(count) :],
        *(f"  {line}" for line in more),
        f"  {kind.queue}, {when}; e.g. {harmless(kind.example)}",
        f"  {env.out('bold green', 'replay:')} {_replay(kind)}",
    ]


def _name(plan: Plan | None, kind: Kind) -> str:
    found = plan.by_type.get(kind.type) if plan else None
    return found.name if found else harmless(kind.type) or "(no type)"


def _replay(kind: Kind) -> str:
    return f"jobctl replay {shlex.quote(kind.filter)}"
