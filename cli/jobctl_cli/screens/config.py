"""Settings with where they came from, and the contexts of a config file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobctl_cli import table
from jobctl_cli.config import listing
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl_cli.config.configuration import Configuration
    from jobctl_cli.environment import Environment


def show(env: Environment, output: str, config: Configuration) -> None:
    """Write the settings to stdout."""
    values = list(listing.values(config))

    def render() -> str:
        rows: list[list[str | Cell]] = []
        if config.context is not None:
            rows.append(["context", config.context, config.context_origin])
        for value in values:
            is_default = value.text is None
            rows.append(
                [value.name, Cell(value.shown, "dim" if is_default else ""), Cell(value.origin, "dim" * is_default)]
            )
        columns = (Column("SETTING"), Column("VALUE", least=16), Column("FROM", least=16))
        return table.render(columns, rows, env.out, table.screen_width(env))

    data = {
        "file": str(config.file.path) if config.file else None,
        "context": config.context,
        "settings": {
            value.name: {
                "value": value.shown if value.text is not None else None,
                "from": value.origin,
                "variable": value.variable,
            }
            for value in values
        },
    }
    emit(env, output, data, table=render, names=lambda: (value.name for value in values))


def show_contexts(env: Environment, output: str, config: Configuration) -> None:
    """Write the contexts to stdout, the one in force marked."""
    found = listing.contexts(config)

    def render() -> str:
        if not found:
            return env.out("dim", "no contexts: `[contexts.prod]` in `jobctl.toml` makes one")
        rows: list[list[str | Cell]] = [
            [
                Cell("*", "bold green") if one.is_current else "",
                Cell(one.name, "bold" * one.is_current),
                one.broker or Cell("jobctl's own, or REDIS_URL", "dim"),
                Cell(one.location, "dim"),
            ]
            for one in found
        ]
        columns = (Column(""), Column("CONTEXT"), Column("BROKER", least=16), Column("IN", least=12))
        return table.render(columns, rows, env.out, table.screen_width(env))

    data = [
        {"name": one.name, "broker": one.broker, "current": one.is_current, "location": one.location} for one in found
    ]
    emit(env, output, data, table=render, names=lambda: (one.name for one in found))
