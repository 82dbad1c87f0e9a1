"""Next times: rules of daylight saving, and agreement with a plain walk through the minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from jobctl.scheduler.cron import latest_time, next_times

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "America/Sao_Paulo")


def times(expression: str, zone: str, after: str, count: int) -> list[str]:
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    return [time.isoformat(timespec="minutes") for time in next_times(expression, zone, start, count)]


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        # spring: 02:30 does not exist; it runs when the clock jumps
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("America/New_York", "30 2 * * *", "2026-03-07T12:00", ["2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"]),
        # a change of half an hour, and one at 02:45
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", ["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"]),
        ("Pacific/Chatham", "0 3 * * *", "2026-09-26T12:00", ["2026-09-27T03:45+13:45", "2026-09-28T03:00+13:45"]),
        # Sao Paulo changed at midnight until 2019
        ("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00", ["2018-11-04T01:00-02:00", "2018-11-05T00:00-02:00"]),
        # autumn: 02:30 exists twice; a fixed time runs once, at the first
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("America/New_York", "30 1 * * *", "2026-10-31T12:00", ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]),
        # by elapsed time: hourly runs every hour, through the change
        (
            "Europe/Berlin",
            "0 * * * *",
            "2026-10-25T01:30",
            ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"],
        ),
        ("Europe/Berlin", "0 * * * *", "2026-03-29T00:30", ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"]),
        ("UTC", "0 0 29 2 *", "2026-01-01T00:00", ["2028-02-29T00:00+00:00"]),
        ("UTC", "@hourly", "2026-01-01T00:00", ["2026-01-01T01:00+00:00"]),
        ("UTC", "@every 15m", "2026-01-01T00:07", ["2026-01-01T00:15+00:00", "2026-01-01T00:30+00:00"]),
    ],
)
def test_clock_changes(zone: str, expression: str, after: str, expected: list[str]) -> None:
    assert times(expression, zone, after, len(expected)) == expected


FIELDS = st.tuples(
    st.sampled_from(["*", "*/7", "0", "15,45", "30"]),
    st.sampled_from(["*", "*/5", "2", "1-3", "0,12"]),
    st.sampled_from(["*", "1", "28-31"]),
    st.just("*"),
    st.sampled_from(["*", "1-5", "0"]),
).map(" ".join)
MOMENTS = st.datetimes(datetime(2018, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@settings(max_examples=60, deadline=None)
@given(expression=FIELDS, zone=st.sampled_from(ZONES), after=MOMENTS)
def test_times_ascend_strictly_and_lie_after_the_moment(expression: str, zone: str, after: datetime) -> None:
    found = next_times(expression, zone, after, 8)

    assert found[0] > after
    moments = [time.astimezone(UTC) for time in found]
    assert moments == sorted(set(moments))


@settings(max_examples=60, deadline=None)
@given(expression=FIELDS, after=MOMENTS)
def test_without_clock_changes_croniter_is_right(expression: str, after: datetime) -> None:
    walk = croniter(expression, after.replace(tzinfo=None), ret_type=datetime)

    assert [time.replace(tzinfo=None) for time in next_times(expression, "UTC", after, 5)] == [
        walk.get_next() for _ in range(5)
    ]


@settings(max_examples=40, deadline=None)
@given(expression=FIELDS, zone=st.sampled_from(ZONES), after=MOMENTS, hours=st.integers(0, 200))
def test_latest_is_the_last_of_the_next(expression: str, zone: str, after: datetime, hours: int) -> None:
    at = after + timedelta(hours=hours)
    between = []
    for count in (50, 14_000):
        between = [time for time in next_times(expression, zone, after, count) if time <= at]
        if len(between) < count:
            break

    assert latest_time(expression, zone, at, after) == (between[-1] if between else None)


def test_wrong_zone_and_too_frequent_interval_are_refused() -> None:
    with pytest.raises(ValueError, match="no time zone `Mars/Base`"):
        next_times("0 0 * * *", "Mars/Base", datetime.now(UTC), 1)
    with pytest.raises(ValueError, match="too often"):
        next_times("@every 100ms", "UTC", datetime.now(UTC), 1)


@pytest.mark.parametrize("weekdays", ["0-6", "1-7", "mon-sun", "0,1,2,3,4,5,6"])
@pytest.mark.parametrize("day", ["*/2", "1-31/2", "13", "L"])
def test_every_weekday_beside_a_day_of_the_month_is_every_day(day: str, weekdays: str) -> None:
    times = next_times(f"0 0 {day} * {weekdays}", "UTC", datetime(2026, 3, 1, tzinfo=UTC), 40)

    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(days=1)}
