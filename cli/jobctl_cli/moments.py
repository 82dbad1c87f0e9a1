"""Times of the broker (ms since the epoch) for readers: ISO 8601 for programs, ages and clocks for people."""

from __future__ import annotations

from datetime import UTC, datetime

from jobctl.durations import format_elapsed


def iso(at_ms: float) -> str | None:
    """Return the time in ISO 8601, UTC, to the millisecond; None for 0, which means not yet.

    Example:
        >>> iso(1_700_000_000_123)
        '2023-11-14T22:13:20.123Z'
    """
    if not at_ms:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(at_ms: float) -> str:
    """Return the time in this machine's zone, to the second, for people; a dash for 0."""
    return f"{datetime.fromtimestamp(at_ms / 1000).astimezone():%Y-%m-%d %H:%M:%S}" if at_ms else "-"


def ago(at_ms: float, now_ms: float) -> str:
    """Return how long ago a time is, such as ``3m4s``; a dash for 0."""
    return format_elapsed(max(now_ms - at_ms, 0) / 1000) if at_ms else "-"


def until(at_ms: float, now_ms: float) -> str:
    """Return e.g. ``in 5m``, or ``now`` for what is past."""
    left_s = (at_ms - now_ms) / 1000
    # a delay of 5m is told as 5m, although a moment of it has passed
    return f"in {format_elapsed(round(left_s) if left_s >= 1 else left_s)}" if left_s > 0 else "now"
