from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobctl_cli.top.spark import BARS, spark


def test_nothing_but_zeros_is_a_flat_line() -> None:
    assert spark([0, 0.0, 0], 10) == "▁▁▁"


def test_what_has_no_value_stays_blank() -> None:
    assert spark([None, 3, None], 10) == " █ "


def test_only_the_latest_are_shown() -> None:
    assert spark([100, 1, 2], 2) == "▄█"


def test_no_room_is_no_line() -> None:
    assert spark([1, 2], 0) == ""


@given(st.lists(st.none() | st.floats(0, 1e12), max_size=200), st.integers(0, 100))
def test_it_fits_and_the_highest_is_full(values: list[float | None], columns: int) -> None:
    shown = spark(values, columns)

    assert len(shown) == min(len(values), columns)
    assert set(shown) <= {*BARS, " "}
    told = [value for value in values[-columns:] if value is not None] if columns else []
    assert (BARS[-1] in shown) == (max(told, default=0) > 0)
