from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.client.options import LONGEST_S, attempts, due, seconds
from jobctl.errors import UsageError


@pytest.mark.parametrize("value", ["5m", timedelta(minutes=5), 300, 300.0])
def test_a_duration_may_be_a_text_a_timedelta_or_seconds(value: str | timedelta | float) -> None:
    assert seconds("timeout", value) == 300.0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("5", "`5` is not a duration"),
        ("soon", "`soon` is not a duration"),
        (-1, "less than nothing"),
        (timedelta(seconds=-1), "less than nothing"),
        (math.nan, "cannot be meant"),
        (math.inf, "cannot be meant"),
        (LONGEST_S * 2, "cannot be meant"),
        (True, "is a bool"),
        ([5], "is a list"),
    ],
)
def test_what_is_no_duration_is_refused_with_the_options_name(value: object, message: str) -> None:
    with pytest.raises(UsageError, match="timeout") as caught:
        seconds("timeout", value)  # type: ignore[arg-type]

    assert message in caught.value.message


def test_less_than_nothing_is_a_duration_where_it_means_something() -> None:
    assert seconds("retention", -1, allow_negative=True) == -1.0


@given(st.floats(min_value=1e-6, max_value=LONGEST_S))
def test_a_delay_however_short_is_never_now(delay: float) -> None:
    delay_ms, at_ms = due(delay, None)

    assert delay_ms >= 1
    assert delay_ms / 1000 >= delay
    assert at_ms == 0


def test_without_delay_or_time_a_job_is_due_now() -> None:
    assert due(None, None) == (0, 0)
    assert due(0, None) == (0, 0)


def test_a_time_is_taken_in_its_own_zone() -> None:
    there = datetime(2026, 1, 31, 9, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert due(None, there) == (0, int(datetime(2026, 1, 31, 3, 30, tzinfo=UTC).timestamp()) * 1000)


def test_a_time_before_the_epoch_is_still_a_time() -> None:
    assert due(None, datetime(1960, 1, 1, tzinfo=UTC)) == (0, 1)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="without a time zone"):
        due(None, datetime(2026, 1, 31, 9, 0))


def test_a_time_that_is_no_datetime_is_refused() -> None:
    with pytest.raises(UsageError, match="at is a str, which is no time"):
        due(None, "2026-01-31T09:00:00Z")  # type: ignore[arg-type]


def test_delay_and_time_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        due("5m", datetime.now(UTC))


@pytest.mark.parametrize(("retries", "expected"), [(None, None), (0, 1), (5, 6)])
def test_retries_become_saqs_total_attempts(retries: int | None, expected: int | None) -> None:
    assert attempts(retries) == expected


@pytest.mark.parametrize("retries", [-1, 1.5, True, "3"])
def test_retries_that_cannot_be_counted_are_refused(retries: object) -> None:
    with pytest.raises(UsageError, match="retries is"):
        attempts(retries)  # type: ignore[arg-type]
