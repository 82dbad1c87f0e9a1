"""Command-line text as payload values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.compiler import PayloadSchema
from jobctl.spec.model import FieldType, PayloadField


def field(type_: FieldType, **attributes: Any) -> PayloadField:
    return PayloadField(name="x", type=type_, **attributes)


def read(field: PayloadField, text: str) -> Any:
    return PayloadSchema("a", (field,)).read_flag(field, text)


INTS = PayloadField(name="items", type=FieldType.INT)


@pytest.mark.parametrize(
    ("declared", "text", "value"),
    [
        (field(FieldType.STRING), "no", "no"),
        (field(FieldType.STRING), "", ""),
        (field(FieldType.INT), "-5", -5),
        (field(FieldType.FLOAT), "1e3", 1000.0),
        (field(FieldType.BOOL), "Yes", True),
        (field(FieldType.BOOL), "off", False),
        (field(FieldType.UUID), "7C9E6679-7425-40DE-944B-E07FC1F90AE7", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
        (field(FieldType.DATETIME), "2026-01-31T09:30", "2026-01-31T09:30:00Z"),
        (field(FieldType.DURATION), "90s", "90s"),
        (field(FieldType.ENUM, choices=("a", "b")), "b", "b"),
        (field(FieldType.LIST), "a, b,3", ["a", "b", "3"]),
        (field(FieldType.LIST), "", []),
        (field(FieldType.LIST), '["a, b", 3]', ["a, b", 3]),
        (field(FieldType.LIST, items=INTS), "1,2", [1, 2]),
        (field(FieldType.LIST, items=INTS), " [1, 2]", [1, 2]),
        (field(FieldType.OBJECT), '{"a": [1]}', {"a": [1]}),
    ],
)
def test_texts_that_are_values(declared: PayloadField, text: str, value: Any) -> None:
    assert read(declared, text) == value


@pytest.mark.parametrize(
    ("declared", "text", "message"),
    [
        (field(FieldType.INT), "1.5", "must be a whole number, got `1.5`"),
        (field(FieldType.INT), "012", "must be a whole number, got `012`"),
        (field(FieldType.INT, minimum=1), "0", "must be at least 1, got `0`"),
        (field(FieldType.BOOL), "maybe", "must be `true` or `false`, got `maybe`"),
        (field(FieldType.UUID), "123", "must be a UUID such as `7c9e6679-7425-40de-944b-e07fc1f90ae7`, got `123`"),
        (field(FieldType.DURATION), "5 min", "did you mean `5m`?"),
        (field(FieldType.LIST, items=INTS), "1,x", "must be a whole number, got `x`"),
        (field(FieldType.LIST, items=INTS), "[1, null]", "`[1]` must be a whole number, got null"),
        (field(FieldType.LIST), "[1", "must be a JSON list such as"),
        (field(FieldType.OBJECT), "[1]", "must be a JSON object such as"),
        (field(FieldType.OBJECT), "{" * 100_000, "must be a JSON object such as"),
        (field(FieldType.OBJECT, fields=(INTS,)), "{}", "`items` is required"),
    ],
)
def test_texts_that_are_none(declared: PayloadField, text: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        read(declared, text)

    assert message in str(raised.value)


@pytest.mark.parametrize("type_", [one for one in FieldType if one not in (FieldType.STRING, FieldType.LIST)])
def test_secrets_are_never_quoted(type_: FieldType) -> None:
    with pytest.raises(ValueError) as raised:
        read(field(type_, secret=True, choices=("a",)), "hunter2 5 minutes")

    assert "hunter2" not in str(raised.value)


@given(st.sampled_from(FieldType), st.text(max_size=40))
def test_any_text_is_a_value_or_a_value_error(type_: FieldType, text: str) -> None:
    declared = field(type_, choices=("a", "b"))
    normalise: Callable[[dict[str, Any]], dict[str, Any]] = PayloadSchema("a", (declared,)).normalise

    try:
        value = read(declared, text)
    except ValueError:
        return
    assert normalise({"x": value}) == {"x": value}
