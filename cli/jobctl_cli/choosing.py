"""Which jobs a command is about: keys, or a filter written out or put together from options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from jobctl_cli.flags import duration as read_duration
from jobctl_cli.flags import reads, state_names, suggests
from jobctl_cli.view import STATE_NAMES

if TYPE_CHECKING:
    from jobctl.inspector import JobFilter

# A key has no spaces and, unless its owner chose it so, none of the characters of the language.
_IS_FILTER = re.compile(r"[=~<>()\s]")

Chosen = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY|FILTER",
        help="Keys of jobs (KEY, QUEUE:KEY, or the id of a record), or a filter such as 'state=dead and age<1h'",
    ),
]
State = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        metavar="STATE,...",
        help=f"In these states: {', '.join(STATE_NAMES)}; may be repeated",
        callback=suggests(STATE_NAMES, reads(state_names)),
    ),
]
Type = Annotated[str | None, typer.Option("--type", metavar="TYPE", help="Of this type, or of the job of this name")]
Queue = Annotated[str | None, typer.Option("--queue", metavar="NAME", help="In this queue")]
Older = Annotated[
    float | None,
    typer.Option(
        "--older",
        metavar="DURATION",
        help="At least so old: since its end, start or enqueue",
        callback=reads(read_duration),
    ),
]
Newer = Annotated[
    float | None, typer.Option("--newer", metavar="DURATION", help="At most so old", callback=reads(read_duration))
]


ASK_ABOVE = 100  # jobs that are dealt with without a question

Yes = Annotated[bool, typer.Option("--yes", "-y", help=f"Do not ask, however many jobs (it asks above {ASK_ABOVE})")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, show which jobs and how many")]

PARAMETERS: dict[str, Any] = {
    "chosen": Chosen, "state": State, "type": Type, "queue": Queue, "older": Older, "newer": Newer,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The jobs a command was given.

    Attributes:
        keys: named one by one; empty = chosen by the filter.
        wanted: the filter, or None if there is none.
    """

    keys: tuple[str, ...]
    wanted: JobFilter | None


def chooses_jobs(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument and the options that say which jobs are meant, in place of its parameter `asked`."""
    hints = get_type_hints(command, include_extras=True)
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name == "asked":
            parameters += [
                inspect.Parameter(own, parameter.kind, default=None, annotation=of) for own, of in PARAMETERS.items()
            ]
        else:
            parameters.append(parameter.replace(annotation=hints[name]))

    @wraps(command)
    def chosen_command(ctx: typer.Context, **values: Any) -> None:
        arguments = values.pop("chosen")
        options = {f"--{name}": values.pop(name) for name in PARAMETERS if name != "chosen"}
        command(ctx, asked=choice(arguments, options), **values)

    chosen_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    chosen_command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return chosen_command


def choice(arguments: Sequence[str] | None, options: Mapping[str, Any]) -> Choice:
    """Tell keys from filters, and join the filters with those of the options.

    Args:
        arguments: what stands on the line, in order.
        options: option -> its value, of ``--state --type --queue --older --newer``; None = not given.

    Raises:
        FilterError: one of the filters cannot be read.
        UsageError: keys and filters together.
    """
    from jobctl.errors import UsageError
    from jobctl.inspector import parse_filter, where

    keys = tuple(dict.fromkeys(each for each in arguments or () if not _is_filter(each)))
    filters = [each for each in arguments or () if _is_filter(each)]
    given = [name for name, value in options.items() if value is not None]
    if keys and (given or filters):
        names = ", ".join(f"`{name}`" for name in [*filters, *given])
        raise UsageError(f"a key and {names} exclude each other", hint="give keys, or say which jobs are meant")
    if not given and not filters:
        return Choice(keys=keys, wanted=None)
    states = options.get("--state")
    wanted = where(
        state=None if states is None else {name for each in states for name in each.split(",")},
        type=options.get("--type"),
        queue=options.get("--queue"),
        older_than_s=options.get("--older"),
        newer_than_s=options.get("--newer"),
    )
    for text in filters:
        wanted &= parse_filter(text)
    return Choice(keys=(), wanted=wanted)


def _is_filter(argument: str) -> bool:
    return not argument or _IS_FILTER.search(argument) is not None
