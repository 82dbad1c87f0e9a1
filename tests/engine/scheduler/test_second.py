"""Our times are those of a second implementation, through every kind of clock change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.scheduler._second import Cron

from jobctl.scheduler.cron import times_after
from jobctl.spec.cron import check_expression
from jobctl.spec.kinds import Rejected

# A moment of each change: half an hour, a whole one and two; at night, at midnight; a day left out; a zone that moved.
CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
    "Pacific/Chatham": ("2026-04-04T14:00", "2026-09-26T14:00"),
    "America/Sao_Paulo": ("2018-02-18T02:00", "2018-11-04T03:00"),
    "Antarctica/Troll": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "Africa/Casablanca": ("2026-02-15T02:00", "2026-03-22T02:00"),
    "Asia/Beirut": ("2026-03-28T22:00", "2026-10-24T21:00"),
    "Pacific/Apia": ("2011-12-30T10:00",),
    "Asia/Pyongyang": ("2015-08-14T15:00", "2018-05-04T15:00"),
    "UTC": ("2028-02-29T00:00",),
}
ZONED = st.sampled_from([(zone, moment) for zone, moments in CHANGES.items() for moment in moments])


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    one = st.integers(low, high).map(str)
    span = st.tuples(one, one).map("-".join)  # over the end as well, and of one number
    step = st.tuples(st.just("*") | one | span, st.integers(1, high - low)).map("{0[0]}/{0[1]}".format)
    return st.lists(one | span | step, min_size=1, max_size=2).map(",".join)


SPECIAL = ("sun#1", "7#1", "fri#2", "L5", "L0", "1#1,3#4")
HOURS = st.one_of(
    st.just("*"),
    st.sampled_from(["0", "1", "2", "3", "1-3", "0,2", "*/2", "0-23", "0-23/1", "*,3", "2-2", "23"]),
    numbers(0, 23),
)
WEEKDAYS = st.sampled_from(["mon-fri", "Fri-MON", "sun-sat", "2-2", "*,1", "*/1", "7-2"]) | numbers(0, 7)
DAYS = st.one_of(
    st.just(("*", "*")),
    st.tuples(st.sampled_from(["L", "15W", "1,L"]) | numbers(1, 31), st.just("*")),
    st.tuples(st.just("*"), st.sampled_from(SPECIAL) | WEEKDAYS),
    st.tuples(st.sampled_from(["1-31", "*,5", "*/1"]) | numbers(1, 31), WEEKDAYS),
)
MONTHS = st.just("*") | st.sampled_from(["jan-apr", "sep,oct,nov,dec,mar,feb,aug", "2-12/1"])


@st.composite
def expressions(draw: st.DrawFn, seconds: bool) -> str:
    day, weekday = draw(DAYS)
    minutes = draw(st.sampled_from(["0", "30", "*/15", "*", "59", "15,45"]) | numbers(0, 59))
    fields = [minutes, draw(HOURS), day, draw(MONTHS), weekday]
    if seconds:
        fields.insert(0, draw(st.sampled_from(["0", "*/20", "59", "7,8"])))
    return " ".join(fields)


def compare(expression: str, zone: str, after: datetime, span: timedelta) -> None:
    try:
        check_expression(expression)
    except Rejected:
        return
    until = after + span

    expected = list(Cron(expression).ticks(ZoneInfo(zone), after, until))

    found = []
    for time in times_after(expression, zone, after):
        if time > until:
            break
        found.append(time.astimezone(UTC))
    assert found == expected, (expression, zone, after)


@settings(max_examples=150, deadline=None)
@given(expression=expressions(seconds=False), change=ZONED, before_min=st.integers(-90, 2000))
def test_minutes_around_clock_changes(expression: str, change: tuple[str, str], before_min: int) -> None:
    zone, moment = change
    after = datetime.fromisoformat(moment).replace(tzinfo=UTC) - timedelta(minutes=before_min)

    compare(expression, zone, after, timedelta(hours=40))


@settings(max_examples=40, deadline=None)
@given(expression=expressions(seconds=True), change=ZONED, before_s=st.integers(-4000, 8000))
def test_seconds_around_clock_changes(expression: str, change: tuple[str, str], before_s: int) -> None:
    zone, moment = change
    after = datetime.fromisoformat(moment).replace(tzinfo=UTC) - timedelta(seconds=before_s)

    compare(expression, zone, after, timedelta(hours=4))


@settings(max_examples=12, deadline=None)
@given(
    days=DAYS,
    month=MONTHS,
    after=st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)),
)
def test_days_through_a_season(days: tuple[str, str], month: str, after: datetime) -> None:
    compare(f"0 12 {days[0]} {month} {days[1]}", "UTC", after, timedelta(days=100))


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 L 2 *"])
def test_leap_days(expression: str) -> None:
    after = datetime(2027, 2, 1, tzinfo=UTC)

    compare(expression, "UTC", after, timedelta(days=400))
