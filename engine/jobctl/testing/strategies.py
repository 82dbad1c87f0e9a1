"""Payloads from the declaration of a job: hypothesis strategies for valid ones, and for such as must be refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from jobctl.compiler.payload import PayloadSchema
from jobctl.durations import format_duration
from jobctl.errors import PayloadError
from jobctl.spec.badvalue import INT_LIMIT
from jobctl.spec.model import NO_DEFAULT, FieldType, PayloadField
from jobctl.testing.specs import Spec, plan_of

Payload = dict[str, Any]

MOST_ITEMS = 10  # of a list without a `max`
LONGEST_S = 10 * 365 * 86_400
TEXT = st.characters(codec="utf-8")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-INT_LIMIT, INT_LIMIT - 1) | st.text(TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(TEXT, max_size=5), inner, max_size=3),
    max_leaves=5,
)
WRONG: tuple[Any, ...] = (None, "", "no such value", -1, 0.5, True, [], {}, [None], {"no": "such"}, "\ud800", 2**80)
"""Values of which each field refuses some."""


def payloads(job: str, spec: Spec | None = None) -> SearchStrategy[Payload]:
    """Return a strategy for valid payloads of a job, as JSON holds them. They shrink to the plainest.

    Args:
        job: its name or type.
        spec: files or folders of specs; None = those of the project. Read when the first payload is made.
    """
    return st.deferred(lambda: _valid(_schema(job, spec)))


def invalid_payloads(job: str, spec: Spec | None = None) -> SearchStrategy[Payload]:
    """Return a strategy for payloads that the declaration refuses: a field too many, too few, or of a wrong value.

    Args:
        job: its name or type.
        spec: as for `payloads`.
    """
    return st.deferred(lambda: _invalid(_schema(job, spec)))


def is_valid(schema: PayloadSchema, payload: Payload) -> bool:
    """Whether a payload fits its declaration."""
    try:
        schema.normalise(payload)
    except PayloadError:
        return False
    return True


def _schema(job: str, spec: Spec | None) -> PayloadSchema:
    registration = plan_of(spec).registration(job)
    return PayloadSchema(registration.name, registration.payload)


def _valid(schema: PayloadSchema) -> SearchStrategy[Payload]:
    return _object(schema.fields).filter(lambda payload: is_valid(schema, payload))


def _invalid(schema: PayloadSchema) -> SearchStrategy[Payload]:
    names = {field.name for field in schema.fields}
    unknown = st.text("abcdefghij_", min_size=1, max_size=8).filter(lambda name: name not in names)
    ways = [st.builds(lambda payload, name, value: {**payload, name: value}, _valid(schema), unknown, JSON)]
    for field in schema.fields:
        wrong = st.builds(
            lambda payload, value, name=field.name: {**payload, name: value}, _valid(schema), st.sampled_from(WRONG)
        )
        ways.append(wrong)
        if field.required:
            ways.append(_valid(schema).map(lambda payload, name=field.name: _without(payload, name)))  # type: ignore[misc]
    return st.one_of(ways).filter(lambda payload: not is_valid(schema, payload))


def _without(payload: Payload, name: str) -> Payload:
    return {key: value for key, value in payload.items() if key != name}


def _object(fields: tuple[PayloadField, ...]) -> SearchStrategy[Payload]:
    required = {field.name: value_of(field) for field in fields if field.required}
    optional = {field.name: _or_null(field) for field in fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional)


def _or_null(field: PayloadField) -> SearchStrategy[Any]:
    is_nullable = field.default is NO_DEFAULT or field.default is None
    return st.none() | value_of(field) if is_nullable else value_of(field)


def value_of(field: PayloadField) -> SearchStrategy[Any]:
    """Return a strategy for the values of one field."""
    return _MAKERS[field.type](field)


def _bounds(field: PayloadField, low: float, high: float) -> tuple[float, float]:
    return (
        low if field.minimum is None else max(field.minimum, low),
        high if field.maximum is None else min(field.maximum, high),
    )


def _string(field: PayloadField) -> SearchStrategy[str]:
    least = 0 if field.minimum is None else math.ceil(field.minimum)
    most = None if field.maximum is None else math.floor(field.maximum)
    if field.pattern is not None:
        texts = st.from_regex(field.pattern, fullmatch=True)
        return texts.filter(lambda text: len(text) >= least and (most is None or len(text) <= most))
    return st.text(TEXT, min_size=least, max_size=most)


def _int(field: PayloadField) -> SearchStrategy[int]:
    low, high = _bounds(field, -INT_LIMIT, INT_LIMIT - 1)
    return st.integers(math.ceil(low), math.floor(high))


def _float(field: PayloadField) -> SearchStrategy[float]:
    return st.floats(field.minimum, field.maximum, allow_nan=False, allow_infinity=False)


def _duration(field: PayloadField) -> SearchStrategy[str]:
    low, high = _bounds(field, 0, LONGEST_S)
    return st.integers(math.ceil(low * 1000), math.floor(high * 1000)).map(lambda ms: format_duration(ms / 1000))


def _url(_: PayloadField) -> SearchStrategy[str]:
    name = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10)
    path = st.lists(name, max_size=3).map("/".join)
    port = st.just("") | st.integers(1, 65_535).map(":{}".format)
    return st.builds("{}://{}.example{}/{}".format, st.sampled_from(["https", "http"]), name, port, path)


def _list(field: PayloadField) -> SearchStrategy[list[Any]]:
    low, high = _bounds(field, 0, math.inf if field.maximum is not None else MOST_ITEMS + (field.minimum or 0))
    return st.lists(JSON if field.items is None else value_of(field.items), min_size=math.ceil(low), max_size=int(high))


def _nested(field: PayloadField) -> SearchStrategy[Payload]:
    return _object(field.fields) if field.fields else st.dictionaries(st.text(TEXT, max_size=8), JSON, max_size=3)


_MAKERS: dict[FieldType, Callable[[PayloadField], SearchStrategy[Any]]] = {
    FieldType.STRING: _string,
    FieldType.INT: _int,
    FieldType.FLOAT: _float,
    FieldType.BOOL: lambda _: st.booleans(),
    FieldType.UUID: lambda _: st.uuids().map(str),
    FieldType.EMAIL: lambda _: st.emails(),
    FieldType.URL: _url,
    FieldType.DATETIME: lambda _: st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat()),
    FieldType.DURATION: _duration,
    FieldType.ENUM: lambda field: st.sampled_from(field.choices),
    FieldType.LIST: _list,
    FieldType.OBJECT: _nested,
}
