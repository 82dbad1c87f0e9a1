"""Usage errors that typer's parser finds, told as ours are."""

from __future__ import annotations

import re
from typing import Any

from typer import TyperException

from jobctl.errors import UsageError
from jobctl.names import did_you_mean

_QUOTED = re.compile(r"'([^']*)'")
_EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)


def translate(error: TyperException) -> UsageError:
    """Return the error as one of ours, with what was probably meant."""
    ctx: Any = getattr(error, "ctx", None)
    path = ctx.command_path if ctx is not None else "jobctl"
    see = f"`{path} --help` shows how it is called"
    option = getattr(error, "option_name", None)
    message = error.format_message()
    if option is not None and message.startswith("No such option"):
        known = [name for param in ctx.command.get_params(ctx) for name in (*param.opts, *param.secondary_opts)]
        return UsageError(
            f"`{path}` has no option `{option}`",
            code="usage.unknown-option",
            hint=did_you_mean(option, known) or see,
        )
    if option is not None:
        return UsageError(f"`{option}` {_reason(message)}", code="usage.option", hint=see)
    if extra := _EXTRA.match(message):
        return UsageError(f"`{path}` does not take `{extra[1]}`", code="usage.extra", hint=see)
    if message.startswith("Missing command"):
        names = ", ".join(ctx.command.list_commands(ctx))
        return UsageError(f"`{path}` needs a command", code="usage.no-command", hint=f"commands: {names}")
    sentence = _QUOTED.sub(r"`\1`", message).rstrip(".")
    return UsageError(sentence[:1].lower() + sentence[1:], hint=see)


def _reason(message: str) -> str:
    if "does not take a value" in message:
        return "takes no value"
    counted = re.search(r"requires (\d+) arguments", message)
    return f"needs {counted[1]} values" if counted else "needs a value"
