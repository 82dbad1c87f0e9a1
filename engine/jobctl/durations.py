"""Durations as people write them: ``500ms``, ``30s``, ``5m``, ``1h30m``, ``7d``. Never a bare number."""

from __future__ import annotations

import re

UNITS_S = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|w|d|h|m|s))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|w|d|h|m|s)")


def parse_duration(text: str) -> float:
    """Read a duration such as ``1h30m``.

    Args:
        text: one or more ``<number><unit>`` without spaces; units w, d, h, m, s, ms.

    Returns:
        seconds.

    Raises:
        ValueError: the text is no duration; the message says what one looks like.

    Example:
        >>> parse_duration("1h30m")
        5400.0
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"`{text}` is not a duration; write e.g. `500ms`, `30s`, `5m`, `1h30m`, `7d`")
    return round(sum(float(number) * UNITS_S[unit] for number, unit in _PART.findall(text)), 6)


def format_duration(seconds: float) -> str:
    """Write seconds as the shortest exact duration, to the millisecond.

    Example:
        >>> format_duration(5400), format_duration(0.25), format_duration(0)
        ('1h30m', '250ms', '0s')
    """
    left_ms = round(seconds * 1000)
    if left_ms == 0:
        return "0s"
    sign = "-" if left_ms < 0 else ""
    left_ms = abs(left_ms)
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, left_ms = divmod(left_ms, round(UNITS_S[unit] * 1000))
        if count:
            text += f"{count}{unit}"
    return sign + text


def format_elapsed(seconds: float) -> str:
    """Write a measured time for a reader: two significant units at most.

    Example:
        >>> format_elapsed(0.0042), format_elapsed(12.34), format_elapsed(4000)
        ('4ms', '12.3s', '1h6m')
    """
    if seconds < 0.9995:  # what would be rounded to 1000ms or to 60.0s belongs to the next unit
        return f"{max(seconds, 0) * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = max(int(seconds), 60)
    for big, small in (("d", "h"), ("h", "m"), ("m", "s")):
        if whole >= UNITS_S[big]:
            head, rest = divmod(whole, int(UNITS_S[big]))
            tail = rest // int(UNITS_S[small])
            return f"{head}{big}{tail}{small}" if tail else f"{head}{big}"
    raise AssertionError("unreachable: 60 s and more always have a unit")
