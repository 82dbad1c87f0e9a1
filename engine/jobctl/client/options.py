"""What a caller may say about when and how long: texts, timedeltas and numbers turned into seconds. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from jobctl.durations import parse_duration
from jobctl.errors import UsageError
from jobctl.names import TAG, TAG_FORM

Duration = str | timedelta | float
"""``"5m"``, a timedelta, or seconds."""

LONGEST_S = 100 * 365 * 86_400.0  # whoever asks for more than a century has mistaken the unit


def seconds(name: str, value: Duration, *, allow_negative: bool = False) -> float:
    """Return a duration in seconds.

    Args:
        name: what the caller calls it, for the message.
        value: ``"5m"``, a timedelta, or seconds.
        allow_negative: whether less than nothing means something here.

    Raises:
        UsageError: not a duration, negative, or longer than a century.
    """
    if isinstance(value, str):
        try:
            found = parse_duration(value)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
    elif isinstance(value, timedelta):
        found = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value)
    else:
        raise UsageError(
            f"{name} is a {type(value).__name__}, which is no duration",
            hint="give a text such as `5m`, a timedelta, or seconds",
        )
    if not math.isfinite(found) or abs(found) > LONGEST_S:
        raise UsageError(f"{name} is {found:g} s, which cannot be meant", hint="a plain number means seconds")
    if found < 0 and not allow_negative:
        raise UsageError(f"{name} is {found:g} s, which is less than nothing")
    return found


def due(delay: Duration | None, at: datetime | None) -> tuple[int, int]:
    """Return ``(delay_ms, at_ms)`` as envelopes hold them: 0 = not given.

    A time in the past is kept as it is; the broker, whose clock decides, takes it for "now".

    Raises:
        UsageError: both are given, ``at`` has no time zone, or ``delay`` is no duration.
    """
    if at is None:
        # rounded up: half a millisecond is still "later"
        return (0 if delay is None else math.ceil(seconds("delay", delay) * 1000), 0)
    if delay is not None:
        raise UsageError("delay and at exclude each other", hint="give a delay from now, or a time, not both")
    if not isinstance(at, datetime):
        raise UsageError(f"at is a {type(at).__name__}, which is no time", hint="give a datetime with a time zone")
    if at.tzinfo is None or at.utcoffset() is None:
        raise UsageError(
            f"at is `{at.isoformat()}`, a time without a time zone",
            hint="add one, e.g. `datetime.now(UTC)` or `2026-01-31T09:00:00+01:00`",
        )
    return 0, max(round(at.timestamp() * 1000), 1)


def checked_tags(tags: Sequence[str]) -> list[str]:
    """Return the tags of a job, each once.

    Raises:
        UsageError: one of them is none, or one text was given for a list of them.
    """
    for tag in [tags] if isinstance(tags, str) else tags:
        if isinstance(tags, str) or not isinstance(tag, str) or not TAG.fullmatch(tag):
            raise UsageError(f"`{str(tag)[:80]}` cannot be among a job's tags", hint=f"a list of texts: {TAG_FORM}")
    return list(dict.fromkeys(tags))


def attempts(retries: int | None) -> int | None:
    """Return total attempts (SAQ's `retries`) for a number of retries; None stays None.

    Raises:
        UsageError: not a whole number of 0 or more.
    """
    if retries is None:
        return None
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise UsageError(f"retries is `{retries}`", hint="give a whole number, 0 or more")
    return retries + 1
