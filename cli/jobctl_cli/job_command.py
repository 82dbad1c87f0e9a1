"""The command of one declared job: its flags come from the payload's declaration."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from jobctl.durations import format_duration
from jobctl.errors import PayloadError
from jobctl.spec.model import NO_DEFAULT, FieldType, PayloadField
from jobctl_cli.command import Command
from jobctl_cli.flags import Output, duration, instant, reads, suggests, whole_number

if TYPE_CHECKING:
    from jobctl.compiler.plan import Registration

PAYLOAD = "Payload"
METAVARS = {
    FieldType.STRING: "TEXT",
    FieldType.INT: "INT",
    FieldType.FLOAT: "NUMBER",
    FieldType.UUID: "UUID",
    FieldType.EMAIL: "EMAIL",
    FieldType.URL: "URL",
    FieldType.DATETIME: "TIME",
    FieldType.DURATION: "DURATION",
    FieldType.ENUM: "CHOICE",
    FieldType.LIST: "ITEM,...",
    FieldType.OBJECT: "JSON",
}
SHOWN_CHOICES = 30  # characters of choices that fit beside a flag; more of them stand in its help


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the command line of one job asks for."""

    job: str
    payload: Mapping[str, Any]
    flags: Mapping[str, str]
    """Payload field -> its flag, for messages."""
    options: Mapping[str, Any]
    """As `NewJob` takes them."""
    wait: bool
    wait_timeout_s: float | None
    output: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A payload field on the command line."""

    field: PayloadField
    on: str
    off: str = ""

    @property
    def metavar(self) -> str:
        """What stands for the value on help pages."""
        choices = "|".join(self.field.choices)
        if self.field.type is FieldType.ENUM and len(choices) <= SHOWN_CHOICES:
            return choices
        return METAVARS.get(self.field.type, "TEXT")

    @property
    def help(self) -> str:
        """What the flag is for, its bounds, and whether it must be given."""
        field = self.field
        marks = []
        if field.type is FieldType.ENUM and self.metavar == "CHOICE":
            marks.append("one of " + ", ".join(field.choices))
        marks += _bounds(field)
        if field.pattern:
            marks.append(f"matches {field.pattern}")
        if field.required and field.default is NO_DEFAULT:
            marks.append("required")
        elif field.default is not NO_DEFAULT and field.default is not None:
            marks.append(f"default: {'***' if field.secret else _shown(field.default)}")
        return " ".join([field.help, *(f"[{mark}]" for mark in marks)]).strip()


def flags_of(fields: Sequence[PayloadField]) -> list[Flag]:
    """Return the flag of each field. One that is named like an option of the command gets `--payload-` in front."""
    taken = {"--help", "-h", "--debug", "--spec", *(name for option in OPTIONS.values() for name in _declared(option))}
    flags = []
    for field in fields:
        on = f"--{field.flag}" if f"--{field.flag}" not in taken else f"--payload-{field.flag}"
        taken.add(on)
        flags.append((field, on))
    found = []
    for field, on in flags:
        off = f"--no-{on[2:]}" if field.type is FieldType.BOOL else ""
        found.append(Flag(field, on, off if off not in taken else ""))
    return found


def command_for(registration: Registration, act: Callable[[typer.Context, Order], None]) -> TyperCommand:
    """Return the command that enqueues a job.

    Args:
        registration: the compiled job.
        act: what to do with a command line that was understood so far.
    """
    flags = flags_of(registration.payload)
    options = dict(OPTIONS) if registration.unique else {k: v for k, v in OPTIONS.items() if k != "unique"}

    def enqueue_job(ctx: typer.Context, **values: Any) -> None:
        given = {flag.field.name: values.pop(f"field_{n}") for n, flag in enumerate(flags)}
        payload = read_payload(registration, flags, given, _from_json(ctx, values.pop("json")))
        act(
            ctx,
            Order(
                job=registration.name,
                payload=payload,
                flags={flag.field.name: flag.on for flag in flags},
                wait=values.pop("wait"),
                wait_timeout_s=values.pop("wait_timeout"),
                output=values.pop("output"),
                options=values,
            ),
        )

    parameters = [inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for n, flag in enumerate(flags):
        parameters.append(_parameter(f"field_{n}", _option(flag), None))
    parameters += [_parameter(name, option, DEFAULTS.get(name)) for name, option in options.items()]
    enqueue_job.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    enqueue_job.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}

    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(
        registration.name,
        cls=Command,
        help=_description(registration),
        short_help=registration.summary or f"Type {registration.type}, queue {registration.queue}",
        epilog=_examples(registration, flags),
        rich_help_panel="Declared jobs",
    )(enqueue_job)
    command = typer.main.get_command(app)
    assert isinstance(command, TyperCommand)  # noqa: S101 - an app with one command is that command
    return command


def read_payload(
    registration: Registration, flags: Sequence[Flag], given: Mapping[str, Any], base: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the payload of `--json` with the given flags over it.

    Raises:
        PayloadError: texts that are no values of their fields, and required fields that are missing, all at once.
    """
    from jobctl.compiler.payload import PayloadSchema

    schema = PayloadSchema(registration.name, registration.payload)
    payload = dict(base)
    problems = []
    for flag in flags:
        value = given[flag.field.name]
        try:
            if isinstance(value, list):
                if value:
                    payload[flag.field.name] = [item for each in value for item in schema.read_flag(flag.field, each)]
            elif value is not None:
                payload[flag.field.name] = value if isinstance(value, bool) else schema.read_flag(flag.field, value)
        except ValueError as error:
            problems.append((flag.on, str(error)))
            continue
        if flag.field.name not in payload and flag.field.required and flag.field.default is NO_DEFAULT:
            problems.append((flag.on, "is required"))
    if problems:
        raise PayloadError(
            registration.name, problems, hint=f"`jobctl enqueue {registration.name} --help` lists the flags"
        )
    return payload


OPTIONS: dict[str, Any] = {
    "delay": Annotated[
        float | None,
        typer.Option("--in", metavar="DURATION", help="Run so much later, e.g. 5m", callback=reads(duration)),
    ],
    "at": Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Run at this time, e.g. 2026-01-31T09:00Z", callback=reads(instant)),
    ],
    "queue": Annotated[str | None, typer.Option("--queue", metavar="NAME", help="Another queue than the job's own")],
    "retries": Annotated[
        int | None,
        typer.Option("--retries", metavar="N", help="Retries after the first attempt", callback=reads(whole_number(0))),
    ],
    "timeout": Annotated[
        float | None,
        typer.Option("--timeout", metavar="DURATION", help="Longest run of one attempt", callback=reads(duration)),
    ],
    "retention": Annotated[
        float | None,
        typer.Option(
            "--retention", metavar="DURATION", help="Keep the record so long once complete", callback=reads(duration)
        ),
    ],
    "key": Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="A key of your own: refused while a job with this key has not ended"),
    ],
    "unique": Annotated[bool, typer.Option("--unique/--no-unique", help="Heed the job's unique lock, or pass it by")],
    "json": Annotated[
        str | None,
        typer.Option("--json", metavar="JSON", help="The whole payload as a JSON object; - reads it from stdin"),
    ],
    "wait": Annotated[bool, typer.Option("--wait", help="Wait for its end, print its result; exit 1 if it dies")],
    "wait_timeout": Annotated[
        float | None,
        typer.Option("--wait-timeout", metavar="DURATION", help="Wait no longer than this", callback=reads(duration)),
    ],
    "output": Output,
}
DEFAULTS: dict[str, Any] = {"unique": True, "wait": False, "output": "table"}


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _option(flag: Flag) -> Any:
    settings: dict[str, Any] = {"help": flag.help, "show_default": False, "rich_help_panel": PAYLOAD}
    match flag.field.type:
        case FieldType.BOOL:
            declared = f"{flag.on}/{flag.off}" if flag.off else flag.on
            return Annotated[bool | None, typer.Option(declared, **settings)]
        case FieldType.LIST:
            return Annotated[list[str] | None, typer.Option(flag.on, metavar=flag.metavar, **settings)]
    if flag.field.choices:
        settings["callback"] = suggests(flag.field.choices)
    return Annotated[str | None, typer.Option(flag.on, metavar=flag.metavar, **settings)]


def _declared(option: Any) -> list[str]:
    (info,) = option.__metadata__
    declared = [info.default, *(info.param_decls or ())]
    return [name for declaration in declared if isinstance(declaration, str) for name in declaration.split("/")]


def _bounds(field: PayloadField) -> list[str]:
    if field.minimum is None and field.maximum is None:
        return []
    of = {FieldType.STRING: " characters", FieldType.LIST: " items"}.get(field.type, "")
    is_duration = field.type is FieldType.DURATION
    low, high = (
        None if bound is None else format_duration(bound) if is_duration else f"{bound:g}"
        for bound in (field.minimum, field.maximum)
    )
    if low is None:
        return [f"at most {high}{of}"]
    return [f"at least {low}{of}"] if high is None else [f"{low} to {high}{of}"]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value, ensure_ascii=False)


def _description(registration: Registration) -> str:
    facts = [f"type {registration.type}", f"queue {registration.queue}", f"{registration.attempts} attempts"]
    if registration.attempts == 1:
        facts[-1] = "1 attempt"
    if registration.timeout_s:
        facts.append(f"timeout {format_duration(registration.timeout_s)}")
    if registration.unique:
        by = ", ".join(registration.unique.by)
        facts.append(f"unique by {by}" if by else "unique")
    if registration.tags:
        facts.append("tags " + ", ".join(registration.tags))
    return f"{registration.summary or 'Enqueue this job'}.\n\nJob: {'; '.join(facts)}."


def _examples(registration: Registration, flags: Sequence[Flag]) -> str:
    given = " ".join(
        f"{flag.on} {_example_value(flag.field)}" if flag.field.type is not FieldType.BOOL else flag.on
        for flag in flags
        if flag.field.required and flag.field.default is NO_DEFAULT
    )
    base = f"jobctl enqueue {registration.name} {given}".rstrip()
    return f"{base}\n{base} --in 5m\n{base} --wait"


def _example_value(field: PayloadField) -> str:
    if field.type is FieldType.ENUM:
        return field.choices[0]
    return {
        FieldType.INT: f"{field.minimum or 1:g}",
        FieldType.FLOAT: f"{field.minimum or 1:g}",
        FieldType.UUID: "3f1c8a52-6f0e-4b8e-9d53-0c2a7e1b4d90",
        FieldType.EMAIL: "ada@example.com",
        FieldType.URL: "https://example.com/",
        FieldType.DATETIME: "2026-01-31T09:00:00Z",
        FieldType.DURATION: "5m",
        FieldType.LIST: "a,b",
        FieldType.OBJECT: "'{}'",
    }.get(field.type, "...")


def _from_json(ctx: typer.Context, text: str | None) -> dict[str, Any]:
    from jobctl.errors import UsageError

    if text is None:
        return {}
    if text == "-":
        text = ctx.obj.stdin.read()
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"`--json` is not JSON: {error}", code="usage.value", hint="""write e.g. --json '{"id": 7}'"""
        ) from None
    if not isinstance(value, dict):
        raise UsageError("`--json` is not an object", code="usage.value", hint="""write e.g. --json '{"id": 7}'""")
    return value
