"""Payload values written in a spec: a field's default, the payload of a schedule."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import Any

from jobctl.names import nearest
from jobctl.spec.badvalue import BadValue
from jobctl.spec.diagnostics import quote
from jobctl.spec.kinds import INVALID, bool_hint, number_hint
from jobctl.spec.model import FieldType, PayloadField
from jobctl.spec.nodes import Mapping, Node, Problems, Scalar, Sequence, Value
from jobctl.spec.scalars import read_bool, read_float, read_int, suggest_duration, yaml11
from jobctl.spec.values import compile_check, compile_fields


def read_value(node: Value, field: PayloadField, path: str, problems: Problems) -> Any:
    """Return a value of a field as JSON holds it, or INVALID after reporting what is wrong with it."""
    if field.type is FieldType.LIST and isinstance(node, Sequence):
        value: Any = _read_list(node, field, path, problems)
    elif field.type is FieldType.OBJECT and isinstance(node, Mapping):
        if field.fields:
            return read_fields(node, field.fields, path, problems, owner=node)
        value = read_free(node, path, problems)
    elif isinstance(node, Scalar):
        value = _read_scalar(node, field, path, problems)
    else:
        value = [] if isinstance(node, Sequence) else {}  # for the check to refuse
    if value is INVALID:
        return INVALID
    try:
        return compile_check(field)(value)
    except BadValue as error:
        meant = suggest_duration(value) if field.type is FieldType.DURATION and isinstance(value, str) else None
        hint = f"write `{meant}`" if meant and meant != value else None
        for below, text in error.texts():
            where = f"{path}{'.' * bool(below and below[0] != '[')}{below}"
            problems.report("bad-value", f"`{where}` {text}", node, hint=hint)
        return INVALID


def read_fields(
    node: Mapping,
    fields: Items[PayloadField],
    path: str,
    problems: Problems,
    *,
    owner: Node,
    hint: str | None = None,
) -> Any:
    """Return an object with declared fields, defaults filled in, or INVALID.

    Args:
        owner: the node at which missing fields are reported.
        hint: what to do about missing fields.
    """
    known = {field.name: field for field in fields}
    values: dict[str, Any] = {}
    meant: set[str | None] = set()  # fields that stand there under a wrong name are not missing as well
    before = len(problems.found)
    for name, (key, value) in node.pairs.items():
        field = known.get(name)
        if field is None:
            text = f"`{path}` has the field {quote(name)}, which is not declared"
            near = problems.suggest(name, known, "declare it under `payload`, or remove it")
            problems.report("unknown-field", text, key, hint=near)
            meant.add(nearest(name, known) if len(name) < 100 else None)
        elif isinstance(value, Scalar) and value.is_null and not field.required:
            values[name] = None
        else:
            values[name] = _read_given(value, field, f"{path}.{name}", problems)
    for field in fields:
        if field.required and field.name not in node.pairs and field.name not in meant:
            problems.report("missing-field", f"`{path}` lacks the required field `{field.name}`", owner, hint=hint)
    return INVALID if len(problems.found) > before else _complete(values, fields)


def read_free(node: Value, path: str, problems: Problems) -> Any:
    """Return any JSON value. Scalars mean what YAML 1.2 says, and what YAML 1.1 reads otherwise must be quoted."""
    if isinstance(node, Mapping):
        pairs = {name: read_free(value, f"{path}.{name}", problems) for name, (_, value) in node.pairs.items()}
        return INVALID if any(value is INVALID for value in pairs.values()) else pairs
    if isinstance(node, Sequence):
        items = [read_free(item, f"{path}[{index}]", problems) for index, item in enumerate(node.items)]
        return INVALID if any(item is INVALID for item in items) else items
    if not node.is_plain:
        return node.text
    if node.is_null:
        return None
    text = node.text
    for read in (read_bool, read_int, read_float):
        if (value := read(text)) is not None:
            return value
    if (other := yaml11(text)) is not None:
        message = f"`{path}` is {quote(text)}, which not every YAML reads alike"
        problems.report("ambiguous", message, node, hint=f'write `"{text}"` if a text is meant ({other})')
        return INVALID
    return text


def _read_given(value: Value, field: PayloadField, path: str, problems: Problems) -> Any:
    if isinstance(value, Scalar) and value.is_null:
        problems.report("no-value", f"`{path}` has no value", value, hint="give it one")
        return INVALID
    return read_value(value, field, path, problems)


def _complete(values: dict[str, Any], fields: Items[PayloadField]) -> Any:
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return compile_fields(tuple(fields))(given)
    except BadValue:  # a default that is at fault has been reported where it stands
        return INVALID


def _read_list(node: Sequence, field: PayloadField, path: str, problems: Problems) -> Any:
    items = []
    for index, item in enumerate(node.items):
        where = f"{path}[{index}]"
        items.append(
            read_free(item, where, problems) if field.items is None else _read_given(item, field.items, where, problems)
        )
    return INVALID if any(item is INVALID for item in items) else items


def _read_scalar(node: Scalar, field: PayloadField, path: str, problems: Problems) -> Any:
    if field.type is FieldType.INT:
        value: Any = read_int(node.text) if node.is_plain else None
    elif field.type is FieldType.FLOAT:
        value = read_float(node.text) if node.is_plain else None
    elif field.type is FieldType.BOOL:
        value = read_bool(node.text) if node.is_plain else None
    else:
        return node.text  # texts as they stand, and for the check to refuse where a list or an object belongs
    if value is not None:
        return value
    noun = {FieldType.INT: "a whole number", FieldType.FLOAT: "a number", FieldType.BOOL: "`true` or `false`"}[
        field.type
    ]
    shown = quote(node.text if node.is_plain else f'"{node.text}"')
    got = "" if field.secret else f", got {shown}"
    hint = bool_hint(node) if field.type is FieldType.BOOL else number_hint(node)
    problems.report("bad-value", f"`{path}` must be {noun}{got}", node, hint=hint)
    return INVALID
