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
from jobctl.spec.model import FieldType
from jobctl_cli.command import Command
from jobctl_cli.flags import Output, duration, instant, reads, suggests, whole_number
from jobctl_cli.payload_flags import Flag, flags_of, read_payload

if TYPE_CHECKING:
    from jobctl.compiler.plan import Registration


PAYLOAD = "Payload"


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


def command_for(registration: Registration, act: Callable[[typer.Context, Order], None]) -> TyperCommand:
    """Return the command that enqueues a job.

    Args:
        registration: the compiled job.
        act: what to do with a command line that was understood so far.
    """
    flags = flags_of(registration.payload, reserved())
    options = dict(OPTIONS) if registration.unique else {k: v for k, v in OPTIONS.items() if k != "unique"}

    def enqueue_job(ctx: typer.Context, **values: Any) -> None:
        given = {flag.field.name: values.pop(f"field_{n}") for n, flag in enumerate(flags)}
        values["tags"] = values["tags"] or ()
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
    "tags": Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A word to find it by; may be repeated")
    ],
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


def reserved() -> set[str]:
    """Return the names that no payload field may have on the command line."""
    own = {name for option in OPTIONS.values() for name in _declared(option)}
    return own | {"--help", "-h", "--debug", "--quiet", "--context", "--spec"}


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
    required = [flag for flag in flags if flag.is_required]
    given = " ".join(
        f"{flag.on} {flag.example}" if flag.field.type is not FieldType.BOOL else flag.on for flag in required
    )
    base = f"jobctl enqueue {registration.name} {given}".rstrip()
    return f"{base}\n{base} --in 5m\n{base} --wait"


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
