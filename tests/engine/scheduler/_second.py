"""A second implementation of cron, written from the rules and not from croniter: it looks at every second or minute.

Slow and plain on purpose: a moment is a tick if the wall clock then shows a time that matches; a time that the clock
skips is one at the end of the skip; a time shown twice is one at the first showing.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


class Cron:
    """A cron expression of five or six fields."""

    def __init__(self, expression: str) -> None:
        *seconds, minute, hour, self.day, month, self.weekday = expression.lower().split()
        self.has_seconds = bool(seconds)
        self.seconds = expand(seconds[0], 0, 59) if seconds else {0}
        self.minutes = expand(minute, 0, 59)
        self.hours = expand(hour, 0, 23)
        self.months = expand(month, 1, 12, {name: n for n, name in enumerate(MONTHS, 1)})
        self.is_hourly = self.hours == set(range(24))
        self._days: dict[date, bool] = {}

    def matches(self, wall: datetime) -> bool:
        return (
            wall.second in self.seconds
            and wall.minute in self.minutes
            and wall.hour in self.hours
            and self._is_day(wall.date())
        )

    def _is_day(self, day: date) -> bool:
        if day not in self._days:
            self._days[day] = day.month in self.months and self._either(day)
        return self._days[day]

    def _either(self, day: date) -> bool:
        of_month = any(matches_day(term, day) for term in self.day.split(","))
        of_week = any(matches_weekday(term, day) for term in self.weekday.split(","))
        if is_any(self.day) or is_any(self.weekday):
            return of_month and of_week
        return of_month or of_week

    def ticks(self, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the ticks in ``after < tick <= until``, UTC."""
        step = timedelta(seconds=1 if self.has_seconds else 60)
        moment = after.astimezone(UTC).replace(microsecond=0)
        while moment.timestamp() % step.total_seconds():
            moment += timedelta(seconds=1)
        while moment <= until:
            if moment > after and self._ticks_at(moment, zone, step):
                yield moment
            moment += step

    def _ticks_at(self, moment: datetime, zone: ZoneInfo, step: timedelta) -> bool:
        wall = moment.astimezone(zone)
        shown = wall.replace(tzinfo=None, fold=0)
        if self.matches(shown) and (self.is_hourly or wall.fold == 0):
            return True
        if self.is_hourly:
            return False
        skipped = (moment - step).astimezone(zone).replace(tzinfo=None, fold=0) + step
        while skipped < shown:
            if self.matches(skipped):
                return True
            skipped += step
        return False


def is_any(field: str) -> bool:
    return not {"*", "*/1"}.isdisjoint(field.split(","))


def expand(field: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    values: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        if span == "*":
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = (names or {}).get(start) or int(start)
            last = ((names or {}).get(end) or int(end)) if dash else (high if step else first)
        size = high - low + 1
        count = (last - first) % size if last != first else 0
        if span == "*":
            count = high - low
        values |= {(first - low + n) % size + low for n in range(0, count + 1, int(step or 1))}
    return values


def matches_day(term: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if term == "l":
        return day.day == last
    if term.endswith("w"):
        wanted = min(int(term[:-1]), last)
        target = day.replace(day=wanted)
        shift = {5: -1, 6: 1}.get(target.weekday(), 0)
        if target.weekday() == 5 and wanted == 1:
            shift = 2
        if target.weekday() == 6 and wanted == last:
            shift = -2
        return day.day == wanted + shift
    return day.day in expand(term, 1, 31)


def matches_weekday(term: str, day: date) -> bool:
    # 0 and 7 are Sunday; a week goes from one to the other
    number = day.isoweekday() % 7
    if nth := re.fullmatch(r"(\w+)#(\d)", term):
        return number == weekday(nth[1]) % 7 and (day.day - 1) // 7 + 1 == int(nth[2])
    if last := re.fullmatch(r"l(\d)", term):
        return number == int(last[1]) % 7 and day.day + 7 > calendar.monthrange(day.year, day.month)[1]
    span, _, step = re.sub("[a-z]{3}", lambda m: str(weekday(m[0])), term).partition("/")
    start, dash, end = span.replace("*", "0-7").partition("-")
    first, last = int(start), int(end) if dash else 7 if step else int(start)
    return number in {n % 7 for n in range(first, last + (7 if last < first else 0) + 1, int(step or 1))}


def weekday(text: str) -> int:
    return DAYS.index(text) if text in DAYS else int(text)
