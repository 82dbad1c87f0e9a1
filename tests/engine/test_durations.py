"""Durations as people write and read them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.durations import format_duration, format_elapsed, parse_duration


@given(st.integers(0, 400 * 86_400 * 1000))
def test_what_is_written_is_read_as_the_same(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0ms"),
        (0.9994, "999ms"),
        (0.9996, "1.0s"),
        (59.94, "59.9s"),
        (59.96, "1m"),
        (3599.9, "59m59s"),
        (3600, "1h"),
    ],
)
def test_a_measured_time_goes_to_the_next_unit_where_it_is_rounded_up_to_it(seconds: float, text: str) -> None:
    assert format_elapsed(seconds) == text


@given(st.floats(0, 1e9))
def test_a_measured_time_has_two_units_at_most(seconds: float) -> None:
    assert re.fullmatch(r"\d{1,3}ms|\d{1,2}\.\ds|\d+[dhm](\d{1,2}[hms])?", format_elapsed(seconds))
