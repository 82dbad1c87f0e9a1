"""Payloads: checked for the broker, converted for the handler, redacted for people."""

from __future__ import annotations

import enum
import json
import math
import types
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.compiler import PayloadSchema
from jobctl.errors import PayloadError
from jobctl.spec.model import NO_DEFAULT, FieldType, PayloadField

FieldsOf = Callable[[str], tuple[PayloadField, ...]]
ID = UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7")


def schema(type_: FieldType = FieldType.STRING, **attributes: Any) -> PayloadSchema:
    return PayloadSchema("send-mail", (PayloadField(name="x", type=type_, **attributes),))


def problems(check: Callable[[dict[str, Any]], object], payload: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(PayloadError) as raised:
        check(payload)
    return list(raised.value.problems)


class Colour(enum.StrEnum):
    RED = "red"


class Shade(str, enum.Enum):  # noqa: UP042 - not a StrEnum on purpose: its str() is not its value
    DARK = "dark"


@pytest.mark.parametrize(
    ("type_", "attributes", "value", "stored", "handed"),
    [
        (FieldType.STRING, {}, "é", "é", "é"),
        (FieldType.STRING, {}, Colour.RED, "red", "red"),
        (FieldType.STRING, {}, Shade.DARK, "dark", "dark"),
        (FieldType.INT, {}, -(2**63), -(2**63), -(2**63)),
        (FieldType.FLOAT, {}, 1, 1.0, 1.0),
        (FieldType.BOOL, {}, False, False, False),
        (FieldType.UUID, {}, ID, str(ID), ID),
        (FieldType.UUID, {}, str(ID).upper(), str(ID), ID),
        (FieldType.EMAIL, {}, "ada+x@mail.example.com", "ada+x@mail.example.com", "ada+x@mail.example.com"),
        (FieldType.URL, {}, "http://localhost:80/a?b#c", "http://localhost:80/a?b#c", "http://localhost:80/a?b#c"),
        (
            FieldType.DATETIME,
            {},
            "2026-01-31T09:30:00+01:00",
            "2026-01-31T09:30:00+01:00",
            datetime(2026, 1, 31, 8, 30, tzinfo=UTC),
        ),
        (FieldType.DATETIME, {}, "2026-01-31 09:30", "2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        (
            FieldType.DATETIME,
            {},
            datetime(2026, 1, 31, 9, 30),
            "2026-01-31T09:30:00Z",
            datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
        ),
        (FieldType.DURATION, {}, "90s", "90s", timedelta(seconds=90)),
        (FieldType.DURATION, {}, timedelta(minutes=90), "1h30m", timedelta(minutes=90)),
        (FieldType.ENUM, {"choices": ("red", "no")}, Colour.RED, "red", "red"),
        (FieldType.LIST, {}, (1, None, {"b": [ID]}), [1, None, {"b": [str(ID)]}], [1, None, {"b": [str(ID)]}]),
        (FieldType.LIST, {"items": PayloadField(name="items", type=FieldType.UUID)}, [ID], [str(ID)], [ID]),
        (FieldType.OBJECT, {}, types.MappingProxyType({"a": timedelta(seconds=1)}), {"a": "1s"}, {"a": "1s"}),
        (
            FieldType.OBJECT,
            {"fields": (PayloadField(name="at", type=FieldType.DURATION),)},
            {"at": timedelta(seconds=1)},
            {"at": "1s"},
            {"at": timedelta(seconds=1)},
        ),
    ],
)  # fmt: skip
def test_values_as_stored_and_as_handed_over(
    type_: FieldType, attributes: dict[str, Any], value: Any, stored: Any, handed: Any
) -> None:
    under_test = schema(type_, **attributes)

    normalised = under_test.normalise({"x": value})

    assert normalised == {"x": stored}
    assert type(normalised["x"]) is type(stored)
    assert json.loads(json.dumps(normalised)) == normalised
    assert under_test.normalise(normalised) == normalised
    converted = under_test.convert(normalised)
    assert converted == {"x": handed}
    assert type(converted["x"]) is type(handed)


@pytest.mark.parametrize(
    ("type_", "attributes", "value", "problem"),
    [
        (FieldType.STRING, {}, 5, "must be a text, got `5`"),
        (FieldType.STRING, {}, "\ud800", "must be text that UTF-8 can hold"),
        (FieldType.STRING, {"pattern": "[a-z]+"}, "abc1", "must match the pattern `[a-z]+`, got `abc1`"),
        (FieldType.STRING, {"pattern": "[a-z]+"}, "abc\n", "must match the pattern"),
        (FieldType.STRING, {"minimum": 2}, "a", "must have a length of at least 2, got `a`"),
        (FieldType.STRING, {"maximum": 2}, "abc", "must have a length of at most 2, got `abc`"),
        (FieldType.INT, {}, "5", "must be a whole number, got `5`"),
        (FieldType.INT, {}, 5.0, "must be a whole number, got `5.0`"),
        (FieldType.INT, {}, True, "must be a whole number, got true"),
        (FieldType.INT, {}, 2**63, "must fit in 64 bits"),
        pytest.param(FieldType.INT, {}, 10**5000, "must fit in 64 bits, got a huge number", id="huge"),
        (FieldType.INT, {"minimum": 1}, 0, "must be at least 1, got `0`"),
        (FieldType.INT, {"maximum": 1000}, 1001, "must be at most 1,000, got `1001`"),
        (FieldType.FLOAT, {}, "1.5", "must be a number, got `1.5`"),
        (FieldType.FLOAT, {}, math.nan, "must be a finite number"),
        (FieldType.FLOAT, {}, 10**400, "must be a finite number"),
        (FieldType.FLOAT, {"maximum": 0.5}, 0.75, "must be at most 0.5, got `0.75`"),
        (FieldType.BOOL, {}, 1, "must be true or false, got `1`"),
        (FieldType.BOOL, {}, "true", "must be true or false, got `true`"),
        (FieldType.UUID, {}, "7c9e6679742540de944be07fc1f90ae7", "must be a UUID such as"),
        (FieldType.UUID, {}, "{7c9e6679-7425-40de-944b-e07fc1f90ae7}", "must be a UUID such as"),
        (FieldType.UUID, {}, 5, "must be a UUID such as"),
        (FieldType.EMAIL, {}, "ada", "must be an e-mail address"),
        (FieldType.EMAIL, {}, "ada@example.com\nBcc: eve@example.com", "must be an e-mail address"),
        (FieldType.EMAIL, {}, "ada..b@example.com", "must be an e-mail address"),
        (FieldType.EMAIL, {}, "ada@-example.com", "must be an e-mail address"),
        (FieldType.EMAIL, {}, "a" * 65 + "@example.com", "must be an e-mail address"),
        (FieldType.URL, {}, "example.com", "must be a URL"),
        (FieldType.URL, {}, "javascript:alert(1)", "must be a URL"),
        (FieldType.URL, {}, "http://", "must be a URL"),
        (FieldType.URL, {}, "http://a b", "must be a URL"),
        (FieldType.URL, {}, "http://a:99999", "must be a URL"),
        (FieldType.URL, {}, "http://[::1", "must be a URL"),
        (FieldType.DATETIME, {}, "2026-01-31", "must be a time such as"),
        (FieldType.DATETIME, {}, "2026-02-30T00:00:00Z", "must be a time such as"),
        (FieldType.DATETIME, {}, "20260131T0930", "must be a time such as"),
        (FieldType.DATETIME, {}, 1_700_000_000, "must be a time such as"),
        (FieldType.DURATION, {}, 30, "must be a duration such as"),
        (FieldType.DURATION, {}, "30", "must be a duration such as"),
        (FieldType.DURATION, {}, "9" * 400 + "d", "must be a duration of at most"),
        (FieldType.DURATION, {}, timedelta(seconds=-1), "must be a duration of 0s or more"),
        (FieldType.DURATION, {}, timedelta(microseconds=1), "in whole milliseconds"),
        (FieldType.DURATION, {"minimum": 60}, "30s", "must be at least 1m, got `30s`"),
        (FieldType.ENUM, {"choices": ("a", "b")}, "c", "must be `a` or `b`, got `c`"),
        (FieldType.ENUM, {"choices": ("a", "b")}, ["a"], "must be `a` or `b`, got a list"),
        (FieldType.LIST, {}, "abc", "must be a list, got `abc`"),
        (FieldType.LIST, {}, {"a": 1}, "must be a list, got an object"),
        (FieldType.LIST, {}, {1, 2}, "must be a list, got a Python set"),
        (FieldType.LIST, {"minimum": 1}, [], "must have a length of at least 1"),
        (FieldType.OBJECT, {}, [1], "must be an object, got a list"),
        (FieldType.OBJECT, {}, "{}", "must be an object, got `{}`"),
    ],
)
def test_what_is_no_value_of_a_type(type_: FieldType, attributes: dict[str, Any], value: Any, problem: str) -> None:
    ((path, text),) = problems(schema(type_, **attributes).normalise, {"x": value})

    assert path == "x"
    assert problem in text


def test_all_problems_are_told_at_once_with_their_paths(fields_of: FieldsOf) -> None:
    fields = fields_of("""
        id: uuid
        ids: {type: list, items: int}
        to: {type: object, fields: {mail: email, names: {type: list, items: {type: object, fields: {first: string}}}}}
    """)
    payload = {"ids": [1, "x", 3, None], "to": {"mail": "ada", "names": [{"first": 1}, {"last": "b"}]}, "idd": 5}

    with pytest.raises(PayloadError) as raised:
        PayloadSchema("send-mail", fields).normalise(payload)

    assert list(raised.value.problems) == [
        ("id", "is required"),
        ("ids[1]", "must be a whole number, got `x`"),
        ("ids[3]", "must be a whole number, got null"),
        ("to.mail", "must be an e-mail address such as `ada@example.com`, got `ada`"),
        ("to.names[0].first", "must be a text, got `1`"),
        ("to.names[1].first", "is required"),
        ("to.names[1].last", "is not declared"),
        ("idd", "is not declared (did you mean `id`?)"),
    ]
    assert str(raised.value).startswith("payload of `send-mail` is not valid: `id` is required; ")
    assert raised.value.hint == "declared fields: `id`, `ids`, `to`"
    assert raised.value.exit_code == 2


def test_problems_of_a_long_payload_end() -> None:
    numbers = schema(FieldType.LIST, items=PayloadField(name="items", type=FieldType.INT))

    assert len(problems(numbers.convert, {"x": ["a"] * 100_000})) == 20
    assert len(problems(schema(required=False).convert, {f"y{index}": 1 for index in range(100)})) == 20


def test_payload_without_declared_fields_takes_none() -> None:
    assert PayloadSchema("a", ()).normalise({}) == {}
    assert problems(PayloadSchema("a", ()).convert, {"x": 1, 2: 3}) == [  # type: ignore[dict-item]
        ("x", "is not declared"),
        ("2", "is not declared"),
    ]


def test_defaults_are_filled_in_on_both_sides(fields_of: FieldsOf) -> None:
    under_test = PayloadSchema(
        "a", fields_of("{wait: {type: duration, default: 90s}, note: {type: string, required: false}}")
    )

    assert under_test.normalise({}) == {"wait": "90s"}
    assert under_test.convert({}) == {"wait": timedelta(seconds=90)}


def test_defaults_that_can_change_are_new_each_time(fields_of: FieldsOf) -> None:
    under_test = PayloadSchema(
        "a", fields_of("{ids: {type: list, default: [1]}, to: {type: object, default: {a: {}}}}")
    )

    for direction in (under_test.normalise, under_test.convert):
        first = direction({})
        first["ids"].append(2)
        first["to"]["a"]["b"] = 1
        assert direction({}) == {"ids": [1], "to": {"a": {}}}


def test_null_is_left_out_where_that_is_allowed(fields_of: FieldsOf) -> None:
    under_test = PayloadSchema(
        "a",
        fields_of("{a: int, b: {type: int, required: false}, c: {type: int, default: ~}, d: {type: int, default: 4}}"),
    )

    assert under_test.normalise({"a": 1, "b": None, "c": None}) == {"a": 1, "c": None, "d": 4}
    assert problems(under_test.normalise, {"a": None, "d": None}) == [
        ("a", "is required, got null"),
        ("d", "must not be null"),
    ]


def test_free_values_must_be_json() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)

    for value, text in [
        (cycle, "nested deeper"),
        ({"a": object()}, "must be a JSON value, got a Python object"),
        ({"a": [1, math.inf]}, "must be a finite number"),
        ({"a": 2**64}, "must fit in 64 bits"),
        ({1: 2}, "must have a text as its key"),
        (b"bytes", "must be an object"),
    ]:
        ((path, problem),) = problems(
            schema(FieldType.OBJECT).normalise, {"x": value if value is not cycle else {"a": cycle}}
        )
        assert path.startswith("x")
        assert text in problem


def test_secrets_are_never_quoted_however_deep(fields_of: FieldsOf) -> None:
    fields = fields_of("""
        token: {type: int, secret: true}
        keys: {type: list, items: {type: object, fields: {key: {type: uuid, secret: true}}}}
        vault: {type: object, secret: true, fields: {pin: int}}
    """)
    payload = {"token": "hunter2", "keys": [{"key": "hunter2"}], "vault": {"pin": "hunter2"}}

    with pytest.raises(PayloadError) as raised:
        PayloadSchema("a", fields).normalise(payload)

    assert [path for path, _ in raised.value.problems] == ["token", "keys[0].key", "vault.pin"]
    assert "hunter2" not in str(raised.value)


def test_secrets_are_redacted_however_deep(fields_of: FieldsOf) -> None:
    fields = fields_of("""
        id: int
        token: {type: string, secret: true}
        keys: {type: list, items: {type: object, fields: {name: string, key: {type: string, secret: true}}}}
        vault: {type: object, secret: true, fields: {pin: int}}
    """)
    payload = {"id": 1, "token": "a", "keys": [{"name": "b", "key": "c"}, {}], "vault": {"pin": 1}, "other": 2}

    redacted = PayloadSchema("a", fields).redact(payload)

    assert redacted == {"id": 1, "token": "***", "keys": [{"name": "b", "key": "***"}, {}], "vault": "***", "other": 2}
    assert payload["token"] == "a"


def test_value_of_another_shape_is_redacted_whole_where_a_secret_belongs(fields_of: FieldsOf) -> None:
    fields = fields_of("{to: {type: object, fields: {key: {type: string, secret: true}}}}")

    assert PayloadSchema("a", fields).redact({"to": "hunter2"}) == {"to": "***"}
    assert PayloadSchema("a", fields).redact({"to": [{"key": "hunter2"}]}) == {"to": "***"}


def test_payload_without_secrets_is_shown_as_it_is(fields_of: FieldsOf) -> None:
    payload = {"id": 1, "what": "ever"}

    redacted = PayloadSchema("a", fields_of("{id: int}")).redact(payload)

    assert redacted == payload
    assert redacted is not payload


texts = st.text(st.characters(exclude_categories=["Cs"]))
integers = st.integers(-(2**63), 2**63 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | integers | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
VALUES: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.STRING: texts,
    FieldType.INT: integers,
    FieldType.FLOAT: numbers,
    FieldType.BOOL: st.booleans(),
    FieldType.UUID: st.uuids(),
    FieldType.DATETIME: st.datetimes(timezones=st.just(UTC) | zones, allow_imaginary=False),
    FieldType.DURATION: st.integers(0, 10**12).map(lambda milliseconds: timedelta(milliseconds=milliseconds)),
    FieldType.ENUM: st.sampled_from(["a", "no", ""]),
    FieldType.LIST: st.lists(json_values, max_size=3),
    FieldType.OBJECT: st.dictionaries(texts, json_values, max_size=3),
}


@st.composite
def payloads(draw: st.DrawFn) -> tuple[tuple[PayloadField, ...], dict[str, Any]]:
    """Draw fields, some of them nested, and Python values for them."""
    fields: list[PayloadField] = []
    payload: dict[str, Any] = {}
    for index, kind in enumerate(draw(st.lists(st.sampled_from(list(VALUES)), max_size=5))):
        field = PayloadField(name=f"f{index}", type=kind, choices=("a", "no", ""), required=draw(st.booleans()))
        value = draw(VALUES[kind])
        match draw(st.sampled_from(["plain", "list", "object"])):
            case "list":
                items = PayloadField(name="items", type=kind, choices=field.choices)
                field = PayloadField(name=f"f{index}", type=FieldType.LIST, items=items)
                value = [value] * draw(st.integers(0, 2))
            case "object":
                field = PayloadField(name=f"f{index}", type=FieldType.OBJECT, fields=(field,))
                value = {f"f{index}": value}
        fields.append(field)
        payload[field.name] = value
    return tuple(fields), payload


@given(payloads())
def test_what_was_enqueued_is_what_the_handler_gets(case: tuple[tuple[PayloadField, ...], dict[str, Any]]) -> None:
    fields, payload = case
    under_test = PayloadSchema("a", fields)

    stored = json.loads(json.dumps(under_test.normalise(payload)))

    assert under_test.convert(stored) == payload
    assert under_test.normalise(stored) == stored


@given(payloads(), st.dictionaries(st.sampled_from(["f0", "f1", "f2", "x"]), json_values))
def test_any_json_converts_or_is_a_payload_error(
    case: tuple[tuple[PayloadField, ...], dict[str, Any]], payload: dict[str, Any]
) -> None:
    under_test = PayloadSchema("a", case[0])

    try:
        converted = under_test.convert(payload)
    except PayloadError:
        with pytest.raises(PayloadError):
            under_test.normalise(payload)
    else:
        assert under_test.convert(under_test.normalise(payload)) == converted


def test_marker_of_no_default_is_not_a_default() -> None:
    assert schema(required=False, default=NO_DEFAULT).normalise({}) == {}
