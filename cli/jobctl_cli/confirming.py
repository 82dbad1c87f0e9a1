"""Asking before something that cannot be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from jobctl.errors import UsageError
from jobctl_cli.exit_status import ExitStatus

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment


def confirm(env: Environment, question: str, *, refusal: str, hint: str = "`--yes` does it without a question") -> None:
    """Ask on stderr; anything but yes ends the command.

    Args:
        env: whose streams.
        question: without its mark, e.g. ``stop 3 workers``.
        refusal: what would be done, where nobody can be asked.
        hint: what to do then.

    Raises:
        UsageError: stdin is no terminal.
        typer.Exit: the answer is not yes.
    """
    if not env.stdin.isatty():
        raise UsageError(refusal, code="usage.unconfirmed", hint=hint)
    env.flush()
    env.stderr.write(f"{question}? [y/N] ")
    env.stderr.flush()
    if env.stdin.readline().strip().lower() not in ("y", "yes"):
        env.note("nothing was done")
        raise typer.Exit(ExitStatus.FAILED)
