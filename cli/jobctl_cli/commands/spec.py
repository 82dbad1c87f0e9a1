"""The commands about specs; what each does stands in its own module."""

from __future__ import annotations

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.commands import spec_check, spec_language, spec_plan, spec_show


def group() -> typer.Typer:
    """Return the commands about specs."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="Write specs, check them, and see what they would change.")
    app.command("check", cls=Command, epilog=spec_check.EXAMPLES)(spec_check.check)
    app.command("plan", cls=Command, epilog=spec_plan.EXAMPLES)(spec_plan.plan)
    app.command("show", cls=Command, epilog=spec_show.EXAMPLES)(spec_show.show)
    app.command("new", cls=Command, epilog=spec_language.NEW_EXAMPLES)(spec_language.new)
    app.command("explain", cls=Command, epilog=spec_language.EXPLAIN_EXAMPLES)(spec_language.explain)
    app.command("schema", cls=Command, epilog=spec_language.SCHEMA_EXAMPLES)(spec_language.schema)
    return app
