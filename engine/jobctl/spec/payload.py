"""Payload declarations: the fields of a job, of an object, and what a list holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from jobctl.spec.diagnostics import listed
from jobctl.spec.fields import FIELD_NAME_KIND, FIELD_TYPE_KIND, PAYLOAD_FIELD
from jobctl.spec.kinds import INVALID, Duration, Number, Whole, reject_null, reject_shape
from jobctl.spec.literals import read_value
from jobctl.spec.model import FieldType, PayloadField
from jobctl.spec.nodes import Mapping, Node, Problems, Scalar, Value
from jobctl.spec.sections import Reading

MAX_FIELDS = 200
_SIZED = frozenset({FieldType.INT, FieldType.FLOAT, FieldType.STRING, FieldType.LIST, FieldType.DURATION})
# which types a key makes sense for
_ONLY_FOR = {
    "pattern": frozenset({FieldType.STRING}),
    "choices": frozenset({FieldType.ENUM}),
    "items": frozenset({FieldType.LIST}),
    "fields": frozenset({FieldType.OBJECT}),
    "min": _SIZED,
    "max": _SIZED,
}
_TYPE_BY_KEY = {"choices": "enum", "values": "enum", "items": "list", "fields": "object"}
_EXPECTED = "a mapping of field name to type, such as `{id: uuid}`"


def read_payload(node: Value, path: str, problems: Problems, *, has_flags: bool = True) -> tuple[PayloadField, ...]:
    """Return the declared fields; those at fault are reported and left out.

    Args:
        has_flags: whether the fields have names on the command line, as those of a job have.
    """
    if isinstance(node, Scalar) and node.is_null:
        reject_null(node, path, _EXPECTED, problems)
        return ()
    if not isinstance(node, Mapping):
        reject_shape(node, path, _EXPECTED, problems)
        return ()
    if len(node.pairs) > MAX_FIELDS:
        problems.report("out-of-range", f"`{path}` declares more than {MAX_FIELDS} fields", node)
        return ()
    fields: list[PayloadField] = []
    by_flag: dict[str, Scalar] = {}
    for name, (key, value) in node.pairs.items():
        if not FIELD_NAME_KIND.read_key(key, problems):
            continue
        field = read_field(value, name, f"{path}.{name}", problems, key=key, has_flag=has_flags)
        if field is None:
            continue
        fields.append(field)
        if has_flags and field.flag in by_flag:
            problems.report(
                "duplicate-flag",
                f"flag `--{field.flag}` of `{path}.{name}` is taken",
                key,
                hint="give one of them another name with `flag:`",
                related=[(by_flag[field.flag], "by this field")],
            )
        by_flag.setdefault(field.flag, key)
    return tuple(fields)


def read_field(
    node: Value, name: str, path: str, problems: Problems, *, key: Node, has_flag: bool
) -> PayloadField | None:
    """Return one field, or None if it is at fault."""
    if isinstance(node, Scalar):
        if node.is_null:
            reject_null(node, path, "a type", problems, hint=f"give it a type, e.g. `{name}: string`")
            return None
        kind = FIELD_TYPE_KIND.read(node, path, problems)
        if kind is INVALID:
            return None
        reading = Reading(node, {"type": kind}, {}, {"type": node})
    else:
        reading = PAYLOAD_FIELD.read(node, path, problems, owner=key, examples={"type": _type_of(node)})
        if reading is INVALID:
            return None
    return _build(reading, name, path, problems, key=key, has_flag=has_flag)


def _type_of(node: Value) -> str:
    """Return the type that a field without one most likely has."""
    keys: Iterable[str] = node.pairs if isinstance(node, Mapping) else ()
    return next((kind for key, kind in _TYPE_BY_KEY.items() if key in keys), "string")


def _build(
    reading: Reading, name: str, path: str, problems: Problems, *, key: Node, has_flag: bool
) -> PayloadField | None:
    values = reading.values
    kind: FieldType | None = values.get("type")
    if kind is None:
        return None
    before = len(problems.found)
    _report_misplaced(reading, kind, path, problems)
    if not has_flag and "flag" in reading.keys:
        problems.report("misplaced-key", f"`{path}` is no field of its own on the command line", reading.keys["flag"])
    minimum, maximum = (_bound(reading, bound, kind, path, problems) for bound in ("min", "max"))
    if minimum is not None and maximum is not None and minimum > maximum:
        problems.report("bad-bounds", f"`{path}` has a `min` above its `max`", reading.node_of("min"))
    pattern = _pattern(reading, path, problems) if kind is FieldType.STRING else None
    choices = values.get("choices", ())
    if kind is FieldType.ENUM and not choices and "choices" not in reading.keys:
        problems.report("missing-key", f"`{path}` has no `choices`", key, hint="add e.g. `choices: [basic, pro]`")
    elif kind is FieldType.ENUM and "choices" in values and not choices:
        problems.report("bad-value", f"`{path}.choices` is empty", reading.node_of("choices"))
    items = fields = None
    if kind is FieldType.LIST and "items" in values:
        items = read_field(
            values["items"], "items", f"{path}.items", problems, key=reading.keys["items"], has_flag=False
        )
    if kind is FieldType.OBJECT and "fields" in values:
        fields = read_payload(values["fields"], f"{path}.fields", problems, has_flags=False)
    if len(problems.found) > before:
        return None
    field = PayloadField(
        name=name,
        type=kind,
        required=values.get("required", "default" not in reading.keys),
        help=values.get("help", ""),
        flag=values.get("flag", name.strip("_").replace("_", "-")) if has_flag else "",
        secret=values.get("secret", False),
        pattern=pattern,
        minimum=minimum,
        maximum=maximum,
        choices=choices if kind is FieldType.ENUM else (),
        items=items,
        fields=fields or (),
        location=key.location,
    )
    return _with_default(field, reading, path, problems)


def _with_default(field: PayloadField, reading: Reading, path: str, problems: Problems) -> PayloadField | None:
    if "default" not in reading.keys:
        return field
    if field.required:
        problems.report(
            "required-default",
            f"`{path}` is required and has a default",
            reading.node_of("required"),
            hint="remove one: a field with a default may be left out",
        )
    node = reading.values["default"]
    default = None
    if not (isinstance(node, Scalar) and node.is_null):
        default = read_value(node, field, f"{path}.default", problems)
        if default is INVALID:
            return None
    return replace(field, required=False, default=default)


def _report_misplaced(reading: Reading, kind: FieldType, path: str, problems: Problems) -> None:
    for name, kinds in _ONLY_FOR.items():
        if name in reading.keys and kind not in kinds:
            good = listed(sorted(kinds))
            problems.report(
                "misplaced-key",
                f"`{path}` is of type `{kind}`, which takes no `{name}`",
                reading.keys[name],
                hint=f"`{name}` is for type {good}",
            )


def _bound(reading: Reading, bound: str, kind: FieldType, path: str, problems: Problems) -> float | None:
    node = reading.values.get(bound)
    if node is None or kind not in _SIZED:
        return None
    reader: Duration | Number | Whole
    if kind is FieldType.DURATION:
        reader = Duration(low_s=0.0)
    elif kind in (FieldType.STRING, FieldType.LIST):
        reader = Whole(0, 1_000_000_000)
    else:
        reader = Number()
    value = reader.read(node, f"{path}.{bound}", problems)
    return None if value is INVALID else value


def _pattern(reading: Reading, path: str, problems: Problems) -> str | None:
    pattern: str | None = reading.values.get("pattern")
    if pattern is None:
        return None
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        problems.report(
            "bad-pattern", f"`{path}.pattern` is no regular expression: {error}", reading.node_of("pattern")
        )
    return pattern
