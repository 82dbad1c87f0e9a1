"""Command-line text as payload values."""

from __future__ import annotations

import json
from typing import Any

from jobctl.spec.badvalue import BadValue
from jobctl.spec.diagnostics import quote
from jobctl.spec.model import FieldType, PayloadField
from jobctl.spec.scalars import read_float, read_int, suggest_duration
from jobctl.spec.values import compile_check

_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_EXPECTED = {
    FieldType.INT: "a whole number",
    FieldType.FLOAT: "a number",
    FieldType.BOOL: "`true` or `false`",
    FieldType.LIST: 'a JSON list such as `["a", "b"]`, or values with commas between them',
    FieldType.OBJECT: 'a JSON object such as `{"a": 1}`',
}


def read_flag(field: PayloadField, text: str) -> Any:
    """Return the JSON value of a field from its text on the command line.

    A list is JSON, or values with commas between them; an object is JSON.

    Raises:
        ValueError: says what the text must be; never quotes a secret.
    """
    try:
        return compile_check(field)(_parse(field, text))
    except BadValue as error:
        raise ValueError(_explain(field, text, error)) from None


def _parse(field: PayloadField, text: str) -> Any:
    value: Any
    match field.type:
        case FieldType.INT:
            value = read_int(text)
        case FieldType.FLOAT:
            value = read_float(text)
        case FieldType.BOOL:
            value = _TRUTH.get(text.lower())
        case FieldType.LIST:
            value = _parse_list(field, text)
        case FieldType.OBJECT:
            value = _parse_json(text)
            value = value if isinstance(value, dict) else None
        case _:
            return text
    if value is None:
        raise BadValue.of(f"must be {_EXPECTED[field.type]}", text)
    return value


def _parse_list(field: PayloadField, text: str) -> Any:
    if text.lstrip().startswith("["):
        value = _parse_json(text)
        return value if isinstance(value, list) else None
    if not text:
        return []
    items = [part.strip() for part in text.split(",")]
    return items if field.items is None else [_parse(field.items, item) for item in items]


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _explain(field: PayloadField, text: str, error: BadValue) -> str:
    if field.secret:
        error = error.without_values()
    message = "; ".join(f"{quote(path)} {problem}" if path else problem for path, problem in error.texts())
    meant = suggest_duration(text) if field.type is FieldType.DURATION and not field.secret else None
    return f"{message}; did you mean `{meant}`?" if meant and meant != text else message
