"""Payloads as forms: a control for each declared field, and the payload that a filled form amounts to. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Registration
from jobctl.compiler.redact import HIDDEN
from jobctl.durations import format_duration
from jobctl.spec.model import NO_DEFAULT, FieldType, PayloadField

PREFIX = "payload."
OPTIONS = ("delay", "at", "retries", "timeout", "key", "queue", "unique")
"""What an enqueue may say beside the payload."""
NO_OPTIONS = dict.fromkeys(OPTIONS, "")
_INPUTS = {
    FieldType.INT: "number",
    FieldType.FLOAT: "number",
    FieldType.EMAIL: "email",
    FieldType.URL: "url",
}
_EXAMPLES = {
    FieldType.UUID: "3f1c8a52-6f0e-4b8e-9d53-0c2a7e1b4d90",
    FieldType.EMAIL: "ada@example.com",
    FieldType.URL: "https://example.com/",
    FieldType.DATETIME: "2026-01-31T09:00:00Z",
    FieldType.DURATION: "5m",
    FieldType.LIST: '["a", "b"]',
    FieldType.OBJECT: '{"a": 1}',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One field of a form.

    Attributes:
        kind: ``input``, ``select`` or ``area``.
        input: its type, for an ``input``.
        choices: for a ``select``; "" = leave it out.
        facts: what its value must be, in words.
        keeps: whether leaving it empty keeps what was there, which is not shown.
    """

    name: str
    field: PayloadField
    kind: str
    input: str
    text: str
    choices: tuple[str, ...]
    facts: str
    example: str
    problem: str
    is_required: bool
    keeps: bool = False


def controls(
    registration: Registration,
    texts: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    *,
    keeps_secrets: bool = False,
) -> list[Control]:
    """Return the controls of a job's payload.

    Args:
        registration: the job.
        texts: field -> what stands in it.
        problems: field -> what is wrong with it.
        keeps_secrets: whether there is an earlier value behind a secret field.
    """
    return [
        _control(each, (texts or {}).get(each.name), (problems or {}).get(each.name, ""), keeps_secrets)
        for each in registration.payload
    ]


def texts_of(registration: Registration, payload: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands in the fields for a payload; secret fields stay empty."""
    return {
        field.name: _text(field, payload[field.name])
        for field in registration.payload
        if field.name in payload and not field.secret
    }


def read_form(registration: Registration, texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the payload of a filled form, and what is wrong with it by field.

    Args:
        registration: the job.
        texts: field -> what stands in it; "" = it is left out.
    """
    schema = PayloadSchema(registration.name, registration.payload)
    payload: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in registration.payload:
        text = texts.get(field.name, "")
        if text != "":
            try:
                payload[field.name] = schema.read_flag(field, text)
            except ValueError as error:
                problems[field.name] = str(error)
        elif field.required and field.default is NO_DEFAULT:
            problems[field.name] = "is required"
    return payload, problems


def changes_of(
    registration: Registration, texts: Mapping[str, str], shown: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the fields of an edited form that differ from what it showed, and what is wrong by field.

    Args:
        registration: the job.
        texts: field -> what stands in it now.
        shown: the payload as the form showed it, its secrets hidden.
    """
    before = texts_of(registration, shown)
    changes: dict[str, str] = {}
    problems: dict[str, str] = {}
    for field in registration.payload:
        text = texts.get(field.name, "").replace("\r\n", "\n")  # as browsers send what is typed in an area
        if text == before.get(field.name, ""):
            continue
        changes[field.name] = text
        if HIDDEN in text and HIDDEN in before.get(field.name, ""):
            problems[field.name] = f"holds a secret that is hidden: type it anew where `{HIDDEN}` stands"
    return changes, problems


def _control(field: PayloadField, text: str | None, problem: str, keeps_secrets: bool) -> Control:
    is_required = field.required and field.default is NO_DEFAULT
    kind = "input"
    choices: tuple[str, ...] = ()
    if field.type is FieldType.ENUM:
        kind, choices = "select", field.choices
    elif field.type is FieldType.BOOL:
        kind, choices = "select", ("true", "false")
    elif field.type in (FieldType.LIST, FieldType.OBJECT):
        kind = "area"
    keeps = keeps_secrets and field.secret
    return Control(
        name=PREFIX + field.name,
        field=field,
        kind=kind,
        input="password" if field.secret else _INPUTS.get(field.type, "text"),
        text=text or "",
        choices=choices if is_required and text else ("", *choices),
        facts="; ".join(_facts(field)),
        example="" if field.secret else _EXAMPLES.get(field.type, ""),
        problem=problem,
        is_required=is_required and not keeps,
        keeps=keeps,
    )


def _facts(field: PayloadField) -> list[str]:
    found = [str(field.type)]
    of = {FieldType.STRING: " characters", FieldType.LIST: " items"}.get(field.type, "")
    write = format_duration if field.type is FieldType.DURATION else lambda bound: f"{bound:g}"
    if field.minimum is not None:
        found.append(f"at least {write(field.minimum)}{of}")
    if field.maximum is not None:
        found.append(f"at most {write(field.maximum)}{of}")
    if field.pattern:
        found.append(f"matches {field.pattern}")
    if field.default is not NO_DEFAULT and field.default is not None and not field.secret:
        found.append(f"by default {_text(field, field.default)}")
    return found


def _text(field: PayloadField, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | dict | list):
        return json.dumps(value, indent=None if isinstance(value, bool) else 2, ensure_ascii=False)
    if field.type in (FieldType.LIST, FieldType.OBJECT):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
