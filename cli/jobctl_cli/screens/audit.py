"""What operators did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobctl_cli import table
from jobctl_cli.moments import clock, iso
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl.inspector import AuditEntry
    from jobctl_cli.environment import Environment

COLUMNS = (
    Column("WHEN"),
    Column("WHO", least=10),
    Column("ACTION"),
    Column("TARGET", least=10),
    Column("COUNT", right=True),
    Column("DETAIL", least=6),
)


def show(env: Environment, output: str, found: Sequence[AuditEntry], limit: int) -> None:
    """Write the first entries, and to stderr that there are more if there are."""
    entries = found[:limit]

    def render() -> str:
        if not entries:
            return "no actions"
        rows: list[list[str | Cell]] = [
            [clock(one.at_ms), one.actor, one.action, one.target, f"{one.count:,}", _detail(one.detail)]
            for one in entries
        ]
        return table.render(COLUMNS, rows, env.out, table.screen_width(env), is_dense=True)

    data = [
        {
            "id": one.id,
            "at": iso(one.at_ms),
            "actor": one.actor,
            "action": one.action,
            "target": one.target,
            "count": one.count,
            "detail": dict(one.detail),
        }
        for one in entries
    ]
    emit(env, output, data, table=render, names=lambda: (one.id for one in entries))
    if len(found) > limit:
        env.note(f"note: these are the latest {limit}; `--limit` shows more")


def _detail(detail: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in detail.items())
