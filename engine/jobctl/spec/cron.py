"""Cron expressions: which are good, and that they ever fire. When they fire is the scheduler's to say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from jobctl.durations import parse_duration
from jobctl.names import nearest
from jobctl.spec.diagnostics import quote
from jobctl.spec.kinds import MAX_DURATION_S, Rejected
from jobctl.spec.scalars import suggest_duration

EVERY: Final = "@every "
NICKNAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@midnight": "0 0 * * *",
    "@annually": "0 0 1 1 *",
}
_OTHER_NICKNAMES = {"@minutely": "* * * * *", "@minute": "* * * * *", "@hour": "@hourly", "@day": "@daily"}
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAYS_IN_MONTH = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # 29 February comes round
_TERM = re.compile(r"(?P<low>\*|[a-z]{3}|\d{1,4})(?:-(?P<high>[a-z]{3}|\d{1,4}))?(?:/(?P<step>\d{1,4}))?", re.ASCII)
FIELDS_HINT = "the fields are minute, hour, day of the month, month, day of the week; seconds may stand before them"
_SPECIAL = re.compile(r"[L#W]", re.IGNORECASE)
_SPECIAL_DAY = re.compile(r"#|L", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    low: int
    high: int
    names: dict[str, int]

    @property
    def size(self) -> int:
        """How many different numbers there are; 0 and 7 are both Sunday."""
        return 7 if self is _WEEKDAY else self.high - self.low + 1


_SECOND = _Column("second", 0, 59, {})
_MINUTE = _Column("minute", 0, 59, {})
_HOUR = _Column("hour", 0, 23, {})
_DAY = _Column("day of the month", 1, 31, {})
_MONTH = _Column("month", 1, 12, {name: number for number, name in enumerate(_MONTH_NAMES, 1)})
_WEEKDAY = _Column("day of the week", 0, 7, {name: number for number, name in enumerate(_DAY_NAMES)})


def check_expression(text: str) -> str:
    """Return a cron expression in its plain form: one space between fields, nicknames as they are.

    Common expressions are checked here, because every command reads specs and croniter takes 40 ms to import; the
    rare ``L``, ``W`` and ``#`` are left to it.

    Raises:
        Rejected: it is none, or it would never fire.
    """
    text = " ".join(text.split())
    if not text:
        raise Rejected("must have five cron fields, got none", hint=FIELDS_HINT, code="bad-cron")
    if text.startswith("@"):
        return _check_nickname(text)
    fields = text.split(" ")
    if len(fields) not in (5, 6):
        raise _wrong_count(text, fields)
    day, weekday = fields[-3], fields[-1]
    if day != "*" and _SPECIAL_DAY.search(weekday):
        # other engines take either day here, croniter drops the day of the month
        raise Rejected(
            f"has a day of the month beside {quote(weekday)}",
            hint="give one of both, or two schedules",
            code="bad-cron",
        )
    plain = spell_out(text)
    if _SPECIAL.search(day) or _SPECIAL_DAY.search(weekday):
        _check_with_croniter(text, plain)
    elif _is_any(weekday):
        # cron's old rule: with both days given either one is enough, so that only a lone day of the month can miss
        _check_day(text, _values(day, _DAY), _values(fields[-2], _MONTH))
    return text


@cache
def spell_out(expression: str) -> str:
    """Return an expression with the numbers that its fields stand for, which no engine can read otherwise.

    croniter reads some forms in ways of its own: `9-9` as every hour, `1-31` beside a weekday as no day given. A field
    of all its numbers is ``*``; terms with ``L``, ``W`` and ``#`` stay as they are.

    Args:
        expression: of five or six fields, or a nickname; not ``@every``.

    Raises:
        Rejected: it is no cron expression.

    Example:
        >>> spell_out("*/20 22-2 * * fri-mon")
        '0,20,40 0,1,2,22,23 * * 0,1,5,6'
    """
    *seconds, minute, hour, day, month, weekday = NICKNAMES.get(expression, expression).split(" ")
    times = [*((field, _SECOND) for field in seconds), (minute, _MINUTE), (hour, _HOUR)]
    days, weekdays = _terms(day, _DAY, _SPECIAL), _terms(weekday, _WEEKDAY, _SPECIAL_DAY)
    if _is_any(day):
        days = "*"
    elif _is_any(weekday):
        weekdays = "*"
    elif "*" in (days, weekdays):
        days = weekdays = "*"  # either is enough, and one of them is every day
    return " ".join([*(_terms(*field) for field in times), days, _terms(month, _MONTH), weekdays])


def is_hourly(expression: str) -> bool:
    """Return whether a schedule is one of every hour, which goes by elapsed time.

    A repeated hour's ticks come twice, a skipped one's are left out.
    """
    return expression.startswith(EVERY) or spell_out(expression).split(" ")[-4] == "*"


def _check_nickname(text: str) -> str:
    if text in NICKNAMES:
        return text
    if not text.startswith("@every"):
        lower = text.lower()
        meant = _OTHER_NICKNAMES.get(lower) or nearest(lower, [*NICKNAMES, EVERY.strip()])
        hint = f'write `"{meant}"`' if meant else "there are " + ", ".join(f"`{name}`" for name in NICKNAMES)
        if lower == "@reboot":
            hint = "a start is no tick; do what must be done then in the `startup` hook"
        raise Rejected(f"has no known nickname {quote(text)}", hint=hint, code="bad-cron")
    interval = text[len(EVERY) :].strip()
    try:
        seconds = parse_duration(interval)
    except ValueError:
        meant = suggest_duration(interval) or "15m"
        raise Rejected(
            f"must be `@every <duration>`, got {quote(text)}", hint=f'write `"@every {meant}"`', code="bad-cron"
        ) from None
    if seconds < 1 or not seconds.is_integer() or seconds > MAX_DURATION_S:
        raise Rejected(
            f"must be a whole number of seconds, got {quote(text)}", hint="the least is `@every 1s`", code="bad-cron"
        )
    return EVERY + interval


def _wrong_count(text: str, fields: list[str]) -> Rejected:
    hint = FIELDS_HINT
    if meant := suggest_duration(text):
        hint = f'write `"@every {meant}"`'
    elif len(fields) == 1 and f"@{text.lower()}" in NICKNAMES:
        hint = f'write `"@{text.lower()}"`'
    count = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
    return Rejected(f"must have five cron fields, got {count} in {quote(text)}", hint=hint, code="bad-cron")


def _is_any(field: str) -> bool:
    """Return whether a day is as good as not given."""
    return any(term in ("*", "*/1") for term in field.split(","))


def _terms(field: str, column: _Column, special: re.Pattern[str] | None = None) -> str:
    """Return a field as `*`, or as the list of its numbers and its special terms."""
    terms = field.split(",")
    kept = [term for term in terms if special and special.search(term)]
    if kept and column is _WEEKDAY:
        return field  # croniter takes no mixture
    plain = [term for term in terms if term not in kept]
    values = _values(",".join(plain), column) if plain else frozenset()
    return "*" if len(values) == column.size else ",".join([*map(str, sorted(values)), *kept])


def _values(field: str, column: _Column) -> frozenset[int]:
    """Return the numbers a field stands for."""
    values: set[int] = set()
    for term in field.split(","):
        parts = _TERM.fullmatch(term.lower())
        if parts is None:
            raise _bad_term(term, column)
        low, high, step = parts["low"], parts["high"], int(parts["step"] or 1)
        if low == "*":
            if high is not None:
                raise _bad_term(term, column)
            first, last = column.low, column.high
        else:
            first = _number(low, term, column)
            last = _number(high, term, column) if high else column.high if parts["step"] else first
        if step < 1 or step > column.high - column.low:
            raise _bad_step(term, step, column)
        if last < first:  # `22-2` and `fri-mon` go over the end
            last += column.size
        values.update((number - column.low) % column.size + column.low for number in range(first, last + 1, step))
    return frozenset(values)


def _number(text: str, term: str, column: _Column) -> int:
    value = column.names.get(text)
    if value is None:
        if not text.isdecimal():
            meant = nearest(text, column.names)
            hint = f"did you mean `{meant}`?" if meant else None
            raise Rejected(f"has no {column.name} {quote(text)}", hint=hint, code="bad-cron")
        value = int(text)
    if not column.low <= value <= column.high:
        where = f" in {quote(term)}" if term != text else ""
        raise Rejected(
            f"has {column.name} `{text}`{where}, but it goes from {column.low} to {column.high}", code="bad-cron"
        )
    return value


def _bad_term(term: str, column: _Column) -> Rejected:
    hint = "write numbers, `*`, ranges `1-5`, lists `1,15` and steps `*/15`"
    if not term:
        return Rejected(f"has nothing on one side of a comma, or no {column.name}", hint=hint, code="bad-cron")
    if term == "?":
        hint = "write `*`"
    elif term[:1].lower() in ("h", "r"):
        hint = "there are no hashed fields; give a number"
    return Rejected(f"has {quote(term)} as {column.name}", hint=hint, code="bad-cron")


def _bad_step(term: str, step: int, column: _Column) -> Rejected:
    hint = None
    if step and column.name in ("minute", "hour"):
        hint = f'write `"@every {step}{column.name[0]}"` if that is meant'
    return Rejected(
        f"has the step `{step}` in {quote(term)}, but {column.name} goes from {column.low} to {column.high}",
        hint=hint,
        code="bad-cron",
    )


def _check_day(text: str, days: frozenset[int], months: frozenset[int]) -> None:
    if not any(min(days) <= _DAYS_IN_MONTH[month] for month in months):
        raise Rejected(
            f"would never fire: no month in {quote(text)} has a day {min(days)}",
            hint="mend the day or the month",
            code="bad-cron",
        )


def _check_with_croniter(text: str, plain: str) -> None:
    from datetime import UTC, datetime

    from croniter import croniter

    try:
        croniter(plain, datetime(2024, 1, 1, tzinfo=UTC), second_at_beginning=True).get_next(datetime)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        reason = "would never fire" if "next date" in str(error) else "is no cron expression"
        raise Rejected(f"{reason}: {quote(text)}", code="bad-cron") from None
