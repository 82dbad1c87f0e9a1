"""`jobctl config`: what is configured, and where each value came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.flags import Output

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

SHOW_EXAMPLES = """
    jobctl config show                           # what holds here, and why
    jobctl config show --context prod -o json
"""
CONTEXTS_EXAMPLES = """
    jobctl config contexts
    jobctl top --context prod --read-only        # use one
"""


def group() -> typer.Typer:
    """Return the commands about the configuration."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="Settings and contexts: file, environment and defaults.")
    app.command("show", cls=Command, epilog=SHOW_EXAMPLES)(show)
    app.command("contexts", cls=Command, epilog=CONTEXTS_EXAMPLES)(contexts)
    return app


def show(ctx: typer.Context, *, output: Output = "table") -> None:
    """Show every setting and where it came from: the file with its line, a variable, or the default.

    A config file is `jobctl.toml`, or `[tool.jobctl]` in `pyproject.toml`, in this folder or the nearest above it;
    JOBCTL_CONFIG names another. The environment goes before it. A context that `--context` names goes before both.
    Passwords are never shown.
    """
    from jobctl_cli.screens import config as screen

    env: Environment = ctx.obj
    screen.show(env, output, env.config)


def contexts(ctx: typer.Context, *, output: Output = "table") -> None:
    """List the contexts of the config file: one a broker, `[contexts.NAME]` each.

    `--context NAME`, JOBCTL_CONTEXT or `context = "NAME"` in the file chooses one.
    """
    from jobctl_cli.screens import config as screen

    env: Environment = ctx.obj
    screen.show_contexts(env, output, env.config)
