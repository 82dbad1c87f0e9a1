"""A validator of the part of JSON Schema (draft 7) that our schema uses; an unknown keyword is an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}
_TOLD = {"$schema", "title", "description", "default", "examples", "definitions"}


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the places where a value does not fit."""
    for keyword, said in schema.items():
        if keyword in _TOLD:
            continue
        yield from _CHECKS[keyword](value, said, schema, root, path)


def _is(value: Any, name: str) -> bool:
    if name in ("number", "integer"):
        return isinstance(value, int | float if name == "number" else int) and not isinstance(value, bool)
    return isinstance(value, _TYPES[name])


def _ref(value, said, schema, root, path):
    yield from faults(value, root["definitions"][said.rpartition("/")[2]], root, path)


def _type(value, said, schema, root, path):
    if not any(_is(value, name) for name in ([said] if isinstance(said, str) else said)):
        yield f"{path}: not of type {said}"


def _any_of(value, said, schema, root, path):
    found = [list(faults(value, one, root, path)) for one in said]
    if all(found):
        yield from max(found, key=len)


def _all_of(value, said, schema, root, path):
    for one in said:
        yield from faults(value, one, root, path)


def _properties(value, said, schema, root, path):
    for name, item in value.items() if isinstance(value, dict) else ():
        if name in said:
            yield from faults(item, said[name], root, f"{path}.{name}")


def _additional(value, said, schema, root, path):
    for name, item in value.items() if isinstance(value, dict) else ():
        known = name in schema.get("properties", {})
        if known or any(re.search(pattern, str(name)) for pattern in schema.get("patternProperties", {})):
            continue
        if said is False:
            yield f"{path}: unknown key {name}"
        else:
            yield from faults(item, said, root, f"{path}.{name}")


def _names(value, said, schema, root, path):
    for name in value if isinstance(value, dict) else ():
        yield from faults(name, said, root, f"{path}: key {name}")


def _items(value, said, schema, root, path):
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from faults(item, said, root, f"{path}[{index}]")


def _check(holds):
    def check(value, said, schema, root, path):
        if not holds(value, said):
            yield f"{path}: {said}"

    return check


_CHECKS = {
    "$ref": _ref,
    "type": _type,
    "anyOf": _any_of,
    "allOf": _all_of,
    "properties": _properties,
    "patternProperties": lambda *_: (),
    "additionalProperties": _additional,
    "propertyNames": _names,
    "items": _items,
    "const": _check(lambda value, said: value == said and type(value) is type(said)),
    "enum": _check(lambda value, said: value in said),
    "pattern": _check(lambda value, said: not isinstance(value, str) or re.search(said, value) is not None),
    "minimum": _check(lambda value, said: not _is(value, "number") or value >= said),
    "maximum": _check(lambda value, said: not _is(value, "number") or value <= said),
    "minLength": _check(lambda value, said: not isinstance(value, str) or len(value) >= said),
    "maxLength": _check(lambda value, said: not isinstance(value, str) or len(value) <= said),
    "minItems": _check(lambda value, said: not isinstance(value, list) or len(value) >= said),
    "maxItems": _check(lambda value, said: not isinstance(value, list) or len(value) <= said),
    "uniqueItems": _check(lambda value, said: not isinstance(value, list) or len(set(map(repr, value))) == len(value)),
    "required": _check(lambda value, said: not isinstance(value, dict) or set(said) <= set(value)),
}
