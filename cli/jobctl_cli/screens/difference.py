"""What a plan would change on a broker: one line a change, the values that change below it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from jobctl.durations import format_duration
from jobctl_cli.moments import ago, clock, iso
from jobctl_cli.text import harmless, plural

if TYPE_CHECKING:
    from jobctl.compiler.diff import Change, FieldChange
    from jobctl.inspector.compare import Comparison, Move, Stranded
    from jobctl_cli.environment import Environment
    from jobctl_cli.palette import Palette

SIGNS = {"added": ("green", "+"), "changed": ("yellow", "~"), "removed": ("red", "-")}


def shape(comparison: Comparison, fingerprint: str) -> dict[str, Any]:
    """Return the comparison as plain data."""
    applied = comparison.applied
    return {
        "same": comparison.is_same,
        "fingerprint": fingerprint,
        "applied": (
            {
                "fingerprint": applied.facts.get("fingerprint"),
                "worker": applied.worker,
                "at": iso(applied.at_ms),
            }
            if applied
            else None
        ),
        "changes": [asdict(change) for change in comparison.difference.changes],
        "moves": [
            {
                "schedule": move.id,
                "last": iso(move.last_ms or 0),
                "next_before": iso(move.before_ms or 0),
                "next_after": iso(move.after_ms or 0),
            }
            for move in comparison.moves
        ],
        "stranded": [asdict(one) for one in comparison.stranded],
    }


def render(comparison: Comparison, env: Environment) -> str:
    """Return the comparison for people."""
    applied = comparison.applied
    if applied is None:
        lines = ["no plan has run on this broker yet"]
    else:
        now_ms = env.clock.time() * 1000
        lines = [
            f"plan {applied.facts.get('fingerprint', '?')} runs there,"
            f" applied {ago(applied.at_ms, now_ms)} ago by worker {harmless(applied.worker)}"
        ]
    if comparison.is_same:
        return "\n".join([*lines, env.out("green", "no changes")])
    lines.append("")
    moves = {move.id: move for move in comparison.moves}
    for change in comparison.difference.changes:
        lines += _change(change, moves.get(change.name) if change.kind == "schedule" else None, env.out)
    if comparison.stranded:
        lines += ["", *(_stranded(one, env.out) for one in comparison.stranded)]
    return "\n".join([*lines, "", _summary(comparison)])


def _change(change: Change, move: Move | None, palette: Palette) -> list[str]:
    style, sign = SIGNS[change.verb]
    name = f"{change.kind} {harmless(change.name)}".rstrip()
    if change.kind == "secret":
        name = "something that is not shown: a secret value"
    lines = [palette(style, f"{sign} {name}")]
    # what the whole plan has one of needs no name of its own
    lines += [f"    {_field(field)}" for field in change.fields]
    if move is not None:
        lines.append(f"    next run: {_moment(move.before_ms)} -> {_moment(move.after_ms)}")
        if move.last_ms:
            lines.append(f"    last run: {clock(move.last_ms)}, as stored")
    return lines


def _field(field: FieldChange) -> str:
    name = field.field.removesuffix("_s").removesuffix("_ms")
    return f"{harmless(name)}: {_value(field.field, field.before)} -> {_value(field.field, field.after)}"


def _value(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        if name.endswith("_ms"):
            return clock(value)
        return format_duration(value) if name.endswith("_s") else f"{value:g}"
    if isinstance(value, list):
        return harmless(f"[{', '.join(str(one) for one in value)}]")
    return harmless(str(value))


def _moment(at_ms: int | None) -> str:
    return clock(at_ms) if at_ms else "none"


def _stranded(one: Stranded, palette: Palette) -> str:
    count = f"{'at least ' * one.is_partial}{plural(one.count, 'job')}"
    verb = "waits" if one.count == 1 and not one.is_partial else "wait"
    what = f"{count} of type {harmless(one.name)}" if one.kind == "type" else f"{count} in queue {harmless(one.name)}"
    return palette("bold yellow", "warning:") + f" {what} {verb}, and nobody would run them any more"


def _summary(comparison: Comparison) -> str:
    verbs = [change.verb for change in comparison.difference.changes]
    return ", ".join(f"{verbs.count(verb)} {verb}" for verb in SIGNS if verb in verbs)
