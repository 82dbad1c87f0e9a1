"""`jobctl test`: scenarios, and jobs put to the test. Each command has a module of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from jobctl_cli.command import Command, Context, Group
from jobctl_cli.commands import test_faults, test_fuzz, test_scenarios

HELP = "Try jobs. `jobctl test PATH...` plays the scenarios at these paths."


class TestGroup(Group):
    """The group: what is no command but a path is the scenarios there, as in `jobctl test scenarios/*.yaml`."""

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return ``(name, command, its arguments)``."""
        name = args[0]
        if name not in self.commands and not name.startswith("-") and _is_path(name):
            return super().resolve_command(ctx, ["scenarios", *args])
        return super().resolve_command(ctx, args)


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith((".yaml", ".yml")) or Path(name).exists()


def group() -> typer.Typer:
    """Return the commands that test jobs."""
    app = typer.Typer(cls=TestGroup, rich_markup_mode=None, help=HELP)
    app.command("scenarios", cls=Command, epilog=test_scenarios.EXAMPLES)(test_scenarios.scenarios)
    app.command("fuzz", cls=Command, epilog=test_fuzz.EXAMPLES)(test_fuzz.fuzz)
    app.command("faults", cls=Command, epilog=test_faults.EXAMPLES)(test_faults.faults)
    return app
