"""Texts as values of a wanted type."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jobctl.durations import format_duration, parse_duration
from jobctl.spec.scalars import read_bool, read_float, read_int, suggest_duration, yaml11


@given(st.integers(-(10**18), 10**18))
def test_every_whole_number_is_read(number: int) -> None:
    assert read_int(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x == 0 or 1e-200 < abs(x) < 1e200))
def test_every_usual_number_is_read(number: float) -> None:
    value = read_float(repr(number).replace("e+", "e"))

    assert value is not None
    assert math.isclose(value, number)


@given(st.text(max_size=30))
def test_nothing_else_is_read(text: str) -> None:
    for value in (read_int(text), read_float(text)):
        assert value is None or (text.isascii() and math.isfinite(value))


@pytest.mark.parametrize(
    "text", ["012", "0x1F", "1_000", "1:30", ".5", "5.", ".inf", ".nan", "1e999", " 5", "", "\u0665", "9" * 40]
)
def test_numbers_with_two_readings_are_none(text: str) -> None:
    assert read_int(text) is None
    assert read_float(text) is None


@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "True", "TRUE", "1", "y"])
def test_truth_is_true_or_false(text: str) -> None:
    assert read_bool(text) is None
    assert (read_bool("true"), read_bool("false")) == (True, False)


@pytest.mark.parametrize("text", ["1:30", "-1:30", "1:30:00", "012", "1_000", "yes", "no", "on", "off", "Yes", "OFF"])
def test_what_yaml_1_1_reads_otherwise_is_told(text: str) -> None:
    assert not isinstance(yaml.safe_load(text), str)
    assert yaml11(text) is not None


@given(st.text(max_size=40))
def test_no_text_is_told_to_be_odd_without_reason(text: str) -> None:
    if yaml11(text) is not None:
        assert text.strip("-+")


@given(st.integers(0, 10**12))
def test_durations_survive_writing_and_reading(milliseconds: int) -> None:
    seconds = milliseconds / 1000

    assert math.isclose(parse_duration(format_duration(seconds)), seconds, abs_tol=1e-6)


@given(
    st.integers(1, 999),
    st.sampled_from(["", " "]),
    st.sampled_from(
        [("s", "s"), ("sec", "s"), ("Seconds", "s"), ("min", "m"), ("minutes", "m"), ("hour", "h"), ("days", "d")]
    ),
)
def test_durations_in_words_are_understood(number: int, space: str, unit: tuple[str, str]) -> None:
    assert suggest_duration(f"{number}{space}{unit[0]}") == f"{number}{unit[1]}"


@given(st.text(max_size=80))
def test_suggested_durations_are_durations(text: str) -> None:
    suggested = suggest_duration(text)

    assert suggested is None or parse_duration(suggested) >= 0
