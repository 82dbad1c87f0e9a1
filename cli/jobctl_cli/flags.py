"""Options that several commands share, and the readers that turn an option's text into its value.

A reader is a function from text to value that raises ValueError; `reads` makes it an option's callback, so that every
bad value is told alike: which option, what it was given, what it takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from jobctl.durations import parse_duration
from jobctl.errors import UsageError
from jobctl.names import did_you_mean
from jobctl.records import JobState
from jobctl_cli.text import listed

Reader = Callable[..., Any]
FORMATS = ("table", "wide", "json", "yaml", "name")
JSONPATH = "jsonpath="
SIZE_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def reads(read: Callable[[str], Any]) -> Reader:
    """Return an option's callback that reads its text, or each of its texts."""

    def callback(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [callback(ctx, param, item) for item in value]
        if not isinstance(value, str) or ctx.resilient_parsing:
            return value  # a default, or nothing
        try:
            return read(value)
        except ValueError as error:
            name = param.opts[0] if param.opts[0].startswith("-") else (param.metavar or param.opts[0].upper())
            hint = getattr(error, "hint", None)
            raise UsageError(f"`{name}`: {error}", code="usage.value", hint=hint) from None

    return suggests(getattr(read, "choices", ()), callback)


def suggests(choices: Iterable[str], callback: Reader | None = None) -> Reader:
    """Return an option's callback with the values that completion offers; by default one that leaves them alone."""

    def leave(value: Any) -> Any:
        return value

    chosen: Reader = callback or leave
    chosen.choices = tuple(choices)  # type: ignore[attr-defined]
    return chosen


class NoChoice(ValueError):
    """None of the values an option takes."""

    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.hint = hint


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader that takes one of some words."""

    def read(value: str) -> str:
        if value not in choices:
            raise NoChoice(f"`{value}` is none of {listed(choices)}", did_you_mean(value, choices))
        return value

    read.choices = choices  # type: ignore[attr-defined]
    return read


def whole_number(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers, the least of them included."""

    def read(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            number = None
        if number is None or number < least:
            raise ValueError(f"`{value}` is not a whole number of {least} or more")
        return number

    return read


def size(value: str) -> int:
    """Read an amount of memory as bytes."""
    number = re.fullmatch(r"(\d{1,12}(?:\.\d+)?)([A-Za-z]+)", value, re.ASCII)
    amount = round(float(number[1]) * SIZE_UNITS.get(number[2], 0)) if number else 0
    if amount < 1:
        raise ValueError(f"`{value}` is not a size; write e.g. `512MiB` or `2GiB`")
    return amount


def share(value: str) -> float:
    """Read a percentage such as `10%` as a share (0.1)."""
    number = re.fullmatch(r"(\d{1,4}(?:\.\d+)?)%", value, re.ASCII)
    if number is None:
        raise ValueError(f"`{value}` is not a percentage; write e.g. `10%`")
    return float(number[1]) / 100


def duration(value: str) -> float:
    """Read a duration as seconds."""
    return parse_duration(value)


def rate(value: str) -> float:
    """Read a rate as things a second."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)/([smh])", value, re.ASCII)
    number = float(found[1]) / {"s": 1, "m": 60, "h": 3600}[found[2]] if found else 0.0
    if number <= 0:
        raise ValueError(f"`{value}` is not a rate; write e.g. `50/s` or `600/m`")
    return number


def assignment(value: str) -> str:
    """Read a change of a payload's field as ``NAME=VALUE``; the spec says later whether it can be."""
    path, equals, text = value.partition("=")
    name = path.removeprefix("payload.")
    if not equals or name == path or not name:
        raise ValueError(f"`{value}` changes nothing; write e.g. `payload.id=7`")
    return f"{name}={text}"


def instant(value: str) -> datetime:
    """Read a time in ISO 8601; one without a time zone is this machine's own."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"`{value}` is not a time; write e.g. `2026-01-31T09:00` or `2026-01-31T09:00:00Z`") from None
    return found.astimezone(UTC)


def since(value: str) -> float | datetime:
    """Read a duration before now, as seconds, or a time."""
    try:
        return parse_duration(value)
    except ValueError:
        pass
    try:
        return instant(value)
    except ValueError:
        raise ValueError(f"`{value}` is neither a duration nor a time; write e.g. `2h` or `2026-01-31T09:00`") from None


def state_names(value: str) -> str:
    """Check job states with commas between them."""
    read = one_of(*JobState)
    return ",".join(read(part.strip()) for part in value.split(","))


def weights(value: str) -> dict[str, int | None]:
    """Read `critical=6,default=3`; a queue without a number has None, for the weight its spec declares."""
    found: dict[str, int | None] = {}
    for part in value.split(","):
        name, mark, number = (piece.strip() for piece in part.partition("="))
        if not name or (mark and not (number.isascii() and number.isdigit() and int(number) >= 1)):
            raise ValueError(f"`{part}` is not a queue with its weight; write e.g. `critical=6,default=3`")
        found[name] = int(number) if mark else None
    return found


def output_format(value: str) -> str:
    """Read the form that data is written in."""
    if value.startswith(JSONPATH):
        from jobctl_cli.jsonpath import parse

        parse(value[len(JSONPATH) :])
        return value
    return one_of(*FORMATS)(value)


output_format.choices = FORMATS  # type: ignore[attr-defined]

Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}, or {JSONPATH}TEMPLATE as kubectl has it",
        callback=reads(output_format),
    ),
]
Path = Annotated[
    str | None,
    typer.Argument(metavar="PATH", help="File or folder of job specs", show_default="$JOBCTL_SPEC, or jobspecs"),
]
SpecPath = Annotated[
    str | None,
    typer.Option(
        "--spec",
        metavar="PATH",
        help="File or folder of job specs",
        show_default="$JOBCTL_SPEC, or jobspecs",
        is_eager=True,  # a help page that follows on the line may show what the specs declare
    ),
]
