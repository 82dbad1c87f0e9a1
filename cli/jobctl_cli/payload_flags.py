"""Payload fields on the command line: their flags, and the payload that given flags amount to."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobctl.durations import format_duration
from jobctl.errors import PayloadError
from jobctl.spec.model import NO_DEFAULT, FieldType, PayloadField

if TYPE_CHECKING:
    from jobctl.compiler.plan import Registration

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


@dataclass(frozen=True, slots=True)
class Flag:
    """A payload field on the command line."""

    field: PayloadField
    on: str
    off: str = ""

    @property
    def is_required(self) -> bool:
        """Whether it must be given, here or in `--json`."""
        return self.field.required and self.field.default is NO_DEFAULT

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
        if self.is_required:
            marks.append("required")
        elif field.default is not NO_DEFAULT and field.default is not None:
            marks.append(f"default: {'***' if field.secret else _shown(field.default)}")
        return " ".join([field.help, *(f"[{mark}]" for mark in marks)]).strip()

    @property
    def example(self) -> str:
        """A value that could be given."""
        return _example(self.field)


def flags_of(fields: Sequence[PayloadField], options: Collection[str]) -> list[Flag]:
    """Return the flag of each field. One that is named like an option of the command gets `--payload-` in front."""
    taken = set(options)
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
        if flag.field.name not in payload and flag.is_required:
            problems.append((flag.on, "is required"))
    if problems:
        raise PayloadError(
            registration.name, problems, hint=f"`jobctl enqueue {registration.name} --help` lists the flags"
        )
    return payload


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


def _example(field: PayloadField) -> str:
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
