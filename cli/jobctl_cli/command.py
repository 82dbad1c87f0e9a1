"""The commands' base: typer's own, with our help, our errors, and values read without pydantic.

Typer converts each option's value through pydantic, whose import alone takes longer than the rest of `jobctl --help`.
Here a value stays the text it was, and the option's callback (see `flags`) reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from typer import TyperException
from typer.core import TyperCommand, TyperGroup

from jobctl.errors import JobctlError, UsageError
from jobctl.names import nearest
from jobctl_cli import help_page

Context = Any  # typer's own class for it is private

# What people call our commands elsewhere: in Celery, RQ, Asynq, Sidekiq, systemd.
ALSO_CALLED = {
    "worker": "run",
    "work": "run",
    "start": "run",
    "serve": "run",
    "add": "enqueue",
    "push": "enqueue",
    "send": "enqueue",
    "call": "enqueue",
    "ls": "inspect",
    "list": "inspect",
    "show": "inspect",
    "get": "inspect",
    "jobs": "inspect",
    "status": "top",
    "monitor": "top",
    "dash": "top",
    "retry": "replay",
    "requeue": "replay",
    "check": "spec check",
    "validate": "spec check",
    "lint": "spec check",
    "plan": "spec plan",
    "diff": "spec plan",
    "init": "spec new",
    "new": "spec new",
    "explain": "spec explain",
    "schema": "spec schema",
}


class Command(TyperCommand):
    """A command. Its `epilog` holds examples, a line each."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Parse the arguments into the context's parameters."""
        _read_plainly(self, ctx)
        with _placing_errors(ctx):
            return super().parse_args(ctx, args)

    def format_help(self, ctx: Context, formatter: Any) -> None:
        """Write the help page."""
        formatter.write(help_page.of_command(self, ctx))


class Group(TyperGroup):
    """A command with commands in it."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Parse the arguments that stand before the command's name."""
        _read_plainly(self, ctx)
        with _placing_errors(ctx):
            return super().parse_args(ctx, args)

    def format_help(self, ctx: Context, formatter: Any) -> None:
        """Write the help page."""
        formatter.write(help_page.of_group(self, ctx))

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return ``(name, command, its arguments)``.

        Raises:
            UsageError: there is no such command.
        """
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None and not ctx.resilient_parsing and not name.startswith("-"):
            raise self.unknown(ctx, name)
        if command is None:
            return super().resolve_command(ctx, args)
        return name, command, args[1:]

    def unknown(self, ctx: Context, name: str) -> JobctlError:
        """Return the error for a name that is no command here."""
        known = self.list_commands(ctx)
        meant = (ALSO_CALLED.get(name) if ctx.parent is None else None) or nearest(name, known)
        return UsageError(
            f"`{ctx.command_path}` has no command `{name}`",
            code="usage.unknown-command",
            hint=f"did you mean `{meant}`?" if meant else "commands: " + ", ".join(known),
        )


@contextmanager
def _placing_errors(ctx: Context) -> Iterator[None]:
    """Tell the parser's errors which command they are about; it leaves that out of some."""
    try:
        yield
    except TyperException as error:
        if getattr(error, "ctx", None) is None:
            error.ctx = ctx  # type: ignore[attr-defined]
        raise


def _read_plainly(command: TyperCommand | TyperGroup, ctx: Context) -> None:
    for param in command.get_params(ctx):
        param.process_value = partial(_process, param)  # type: ignore[method-assign]


def _process(param: Any, ctx: Context, value: Any) -> Any:
    """Check that a required value is there, and hand it to the option's own callback."""
    if param.required and param.value_is_missing(value) and not ctx.resilient_parsing:
        raise UsageError(
            f"`{ctx.command_path}` needs {_described(param)}",
            code="usage.missing",
            hint=f"`{ctx.command_path} --help` shows how it is called",
        )
    callback: Callable[[Any, Any, Any], Any] | None = param.callback
    return value if callback is None else callback(ctx, param, value)


def _described(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{param.metavar or param.name.upper()}`"
    return f"`{param.opts[0]}`"
