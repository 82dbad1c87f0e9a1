"""Asking before something that cannot be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobctl.errors import JobctlError, UsageError

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment


class NotConfirmed(JobctlError):
    """The reader said no."""

    code = "usage.not-confirmed"


def confirm(env: Environment, question: str) -> None:
    """Ask on stderr; anything but yes ends the command.

    Raises:
        UsageError: nobody can be asked: stdin is no terminal.
        NotConfirmed: the answer is not yes.
    """
    if not env.stdin.isatty():
        raise UsageError(
            f"`{question}` needs an answer, and stdin is no terminal", code="usage.confirm", hint="`--yes` does not ask"
        )
    env.stderr.write(f"{question} [y/N] ")
    env.stderr.flush()
    if env.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NotConfirmed("nothing was done", hint="answer `y`, or give `--yes`")
