"""The JSON Schema of specs, made from the table of fields: for editors, and for whoever writes specs by program.

It says less than `jobctl spec check`: nothing that needs two keys, two files, a time zone or a handler.
"""

from __future__ import annotations

import datetime
import math
from typing import Any, Final

import yaml

from jobctl.durations import UNITS_S
from jobctl.names import FIELD_NAME, JOB_NAME, QUEUE_NAME
from jobctl.spec.fields import ALERT, FIELD_TYPE_KIND, JOB, LABEL, PAYLOAD_FIELD, QUEUE, SPEC, WEIGHT_KIND
from jobctl.spec.kinds import Bool, Choice, Duration, Kind, ListOf, Name, Number, Raw, Text, Whole
from jobctl.spec.limits import LIMIT_FORM, Limit
from jobctl.spec.outline import Shape, inner
from jobctl.spec.sections import EXTENSION, Field, Section

DRAFT: Final = "http://json-schema.org/draft-07/schema#"  # what yaml-language-server reads best
FILE_NAME: Final = "jobspec.schema.json"
_DURATION: Final = rf"(?:\d+(?:\.\d+)?(?:{'|'.join(sorted(UNITS_S, key=len, reverse=True))}))+"
_SCALAR: Final = ["string", "number", "boolean"]  # texts need no quotes, whatever they look like
_NAMES: Final = {QUEUE.label: QUEUE_NAME, JOB.label: JOB_NAME, ALERT.label: LABEL, PAYLOAD_FIELD.label: FIELD_NAME}


def schema() -> dict[str, Any]:
    """Return the schema of one spec file."""
    definitions: dict[str, Any] = {}
    root = _section(SPEC, definitions)
    return {
        "$schema": DRAFT,
        "title": "jobctl job spec",
        "description": "Background jobs declared for jobctl, version 1 of the language.",
        **root,
        "definitions": definitions,
    }


def _section(section: Section, definitions: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for field in section.fields:
        told = _field(section, field, definitions)
        for name in (field.name, *field.aliases):
            properties[name] = told
    result: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if section.has_extensions:
        result["patternProperties"] = {f"^{EXTENSION}": {}}
    if required := [field.name for field in section.fields if field.required]:
        result["required"] = required
    return result


def _field(section: Section, field: Field, definitions: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"description": field.description}
    default = _value(field.default) if field.default else None
    if isinstance(field.kind, Whole) and isinstance(default, str):
        told["description"] += f" Default: {default}."  # what holds then has no name in a spec
    elif default is not None:
        told["default"] = default
    told["examples"] = [_value(field.example)]
    return told | _allowed(section, field, definitions)


def _allowed(section: Section, field: Field, definitions: dict[str, Any]) -> dict[str, Any]:
    below = inner(section, field.name)
    if below is None:
        return _raw(field) if isinstance(field.kind, Raw) else _kind(field.kind)
    name = below.section.label.replace(" ", "-")
    if name not in definitions:
        definitions[name] = {}  # it may hold itself
        definitions[name] = _section(below.section, definitions)
    one: dict[str, Any] = {"$ref": f"#/definitions/{name}"}
    if below.has_short:
        one = {"anyOf": [_short(below.section), one]}
    if below.shape is Shape.MAP:
        names = {"pattern": _whole(_NAMES[below.section.label].pattern)}
        return {"type": "object", "additionalProperties": one, "propertyNames": names}
    if below.shape is Shape.LIST:
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
    return {"allOf": [one]}  # draft 7 ignores what stands beside a $ref


def _short(section: Section) -> dict[str, Any]:
    """Return what may stand in place of a whole section."""
    if section is QUEUE:
        return _kind(WEIGHT_KIND)
    return _kind(FIELD_TYPE_KIND) if section is PAYLOAD_FIELD else {"type": "string", "minLength": 1}


def _raw(field: Field) -> dict[str, Any]:
    """Return what a value read later may be: this much is known of it before."""
    if field.name == "payload":  # of a schedule
        return {"type": "object"}
    if field.name in ("min", "max"):
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": _whole(_DURATION)}]}
    return {} if field.name == "default" else {"type": "string", "minLength": 1}


def _kind(kind: Kind) -> dict[str, Any]:
    result: dict[str, Any]
    match kind:
        case Limit():
            result = {"type": "string", "pattern": _whole(LIMIT_FORM)}
        case Text():
            result = {"type": _SCALAR, "maxLength": kind.max_length}
        case Name():
            result = {"type": "string", "pattern": _whole(kind.pattern.pattern)}
        case Whole() if kind.low == kind.high:
            result = {"const": kind.low}
        case Whole():
            result = {"type": "integer", "minimum": kind.low, "maximum": kind.high}
        case Number():
            bounds = {"minimum": kind.low, "maximum": kind.high}
            result = {"type": "number", **{name: bound for name, bound in bounds.items() if math.isfinite(bound)}}
        case Bool():
            result = {"type": "boolean"}
        case Duration():
            result = {"type": "string", "pattern": _whole("|".join([*kind.words, _DURATION]))}
        case Choice():
            result = {"enum": [str(word) for word in kind.words]}
        case ListOf():
            one = _kind(kind.kind)
            several = {"type": "array", "items": one, "maxItems": kind.max_length, "uniqueItems": True}
            result = {"anyOf": [one, several]}
        case _:
            raise TypeError(f"no schema for values of the kind `{kind.label}`")
    return result


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


def _value(text: str) -> Any:
    """Return a value of the table as JSON: dates stay texts, as YAML 1.2 reads them."""
    value = yaml.safe_load(text)
    return text if isinstance(value, datetime.date) else value
