"""Next times of cron expressions, through time zones and daylight saving. Pure.

croniter reads the expression and walks wall-clock time; what a wall-clock time means on a day when the clock changes
is decided here:

- a time that is skipped (spring) runs at the moment the clock jumps, once;
- a time that is repeated (autumn) runs once, at its first occurrence;
- but a schedule of every hour (`*` as hours) runs at the times that there are: in both of the repeated hours, and not
  once more for the skipped one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

from jobctl.durations import parse_duration
from jobctl.spec.cron import is_hourly, spell_out

MIN_EVERY_S = 1.0


def next_times(expression: str, timezone: str, after: datetime, count: int) -> list[datetime]:
    """Return the next times of a schedule, strictly after a moment.

    Args:
        expression: five cron fields, or six with seconds before them, ``@hourly`` ... ``@yearly``, or ``@every 15m``.
        timezone: IANA name; ``@every`` does not depend on it.
        after: aware datetime.
        count: how many.

    Returns:
        aware datetimes in the schedule's zone, ascending.

    Raises:
        ValueError: no such expression or zone.

    Example:
        >>> from datetime import datetime, UTC
        >>> [str(t) for t in next_times("0 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC), 2)]
        ['2026-03-29 03:00:00+02:00', '2026-03-30 02:00:00+02:00']
    """
    return list(islice(times_after(expression, timezone, after), count))


def latest_time(expression: str, timezone: str, at: datetime, not_before: datetime) -> datetime | None:
    """Return the last time of a schedule in ``not_before < time <= at``, or None."""
    every_s = _every_s(expression)
    if every_s is not None:
        tick = _every_tick(every_s, at)
        return tick if tick > not_before else None
    # Steps back doubling from `at`, so that a year of downtime under `* * * * *` is not walked minute by minute.
    step = timedelta(minutes=1)
    while True:
        start = max(at - step, not_before)
        last = None
        for time in times_after(expression, timezone, start):
            if time > at:
                break
            last = time
        if last is not None or start <= not_before:
            return last
        step *= 4


def times_after(expression: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """Yield the times of a schedule strictly after a moment, ascending."""
    zone = _zone(timezone)
    every_s = _every_s(expression)
    if every_s is not None:
        tick = _every_tick(every_s, after)
        while True:
            tick += timedelta(seconds=every_s)
            yield tick.astimezone(zone)
    yield from _cron_times(expression, zone, after)


def _cron_times(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    from croniter import croniter

    plain = spell_out(expression)
    is_elapsed = is_hourly(expression)
    local_after = after.astimezone(zone)
    wall = local_after.replace(tzinfo=None, microsecond=0, fold=0)
    if is_elapsed:
        # in the first pass of a repeated hour, earlier wall-clock times come again
        wall -= _coming_setback(local_after)
    walk = croniter(plain, wall, ret_type=datetime, second_at_beginning=True)
    again: deque[datetime] = deque()  # second passes; they come after all first passes of their hour
    last = after.astimezone(UTC)
    while True:
        moments = _moments(walk.get_next(), zone, is_elapsed)
        if not moments:
            continue
        first, *second = moments
        # First passes never go back: later wall-clock times cannot give a moment before this one.
        while again and again[0] < first:
            last = again.popleft()
            yield last.astimezone(zone)
        if first > last:
            last = first
            yield last.astimezone(zone)
        again += (moment for moment in second if moment > last)


def _coming_setback(local: datetime) -> timedelta:
    """Return by how much the clock is about to be set back if this time will be seen again, else 0."""
    moment = local.astimezone(UTC)
    offset = local.utcoffset() or timedelta(0)
    for ahead in (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2), timedelta(hours=24)):
        later = (moment + ahead).astimezone(local.tzinfo).utcoffset() or timedelta(0)
        if later < offset:
            return offset - later if ahead <= offset - later else timedelta(0)
    return timedelta(0)


def clock_note(expression: str, time: datetime) -> str:
    """Say what the clock does at a time of a schedule, where that needs saying, else "".

    Args:
        expression: the schedule's.
        time: one of its times, in its zone.
    """
    if expression.startswith("@every") or time.tzinfo is None:
        return ""
    moment = time.astimezone(UTC)
    before = (moment - timedelta(seconds=1)).astimezone(time.tzinfo)
    if (time.utcoffset() or timedelta(0)) > (before.utcoffset() or timedelta(0)):
        skipped = (before.replace(fold=0) + timedelta(seconds=1)).strftime("%H:%M")
        return f"the clock goes from {skipped} to {time:%H:%M}; what lies between runs now"
    first, second = time.replace(fold=0), time.replace(fold=1)
    if first.utcoffset() != second.utcoffset():
        return f"{time:%H:%M} comes twice; this is the {'second' if time.fold else 'first'}"
    return ""


def _moments(local: datetime, zone: ZoneInfo, is_elapsed: bool) -> list[datetime]:
    """Return the moments (UTC) at which a wall-clock time runs: one, none or two where the clock changes."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None, fold=0) != local:
        return [] if is_elapsed else [_end_of_gap(local, zone)]
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return [first, second] if is_elapsed and second > first else [first]


def _end_of_gap(local: datetime, zone: ZoneInfo) -> datetime:
    # PEP 495: in a gap, fold 0 reads the time with the offset before the change, fold 1 with the one after.
    early = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    late = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


@cache
def _every_s(expression: str) -> float | None:
    if not expression.startswith("@every"):
        return None
    seconds = parse_duration(expression.removeprefix("@every").strip())
    if seconds < MIN_EVERY_S:
        raise ValueError(f"`{expression}` is too often; once a second is the most")
    return seconds


def _every_tick(every_s: float, at: datetime) -> datetime:
    # Ticks are multiples of the interval since the epoch: the same on every host, without drift.
    return datetime.fromtimestamp(at.timestamp() // every_s * every_s, UTC)


@cache
def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"no time zone `{timezone}`") from error
