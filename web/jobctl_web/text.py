"""How values are written on pages. Pure; the templates use each function as a filter of its name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from jobctl.durations import format_duration, format_elapsed
from jobctl_web.charts import compact
from jobctl_web.days import quantile

LINE = 240  # characters
SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def elapsed(ms: float | None) -> str:
    """Write a measured time, given in ms; a dash where there is none."""
    return "–" if ms is None else format_elapsed(ms / 1000)


def duration(seconds: float | None) -> str:
    """Write a configured time, given in seconds."""
    return "none" if not seconds else format_duration(seconds)


def percent(share: float | None) -> str:
    """Write a share (0 to 1) as a percentage.

    Example:
        >>> percent(0.6), percent(0.004), percent(None)
        ('60%', '0.4%', '–')
    """
    if share is None:
        return "–"
    points = share * 100
    return f"{points:.1f}%" if 0 < points < 10 and round(points, 1) != round(points) else f"{points:.0f}%"


def size(count: float) -> str:
    """Write bytes.

    Example:
        >>> size(512), size(1_572_864)
        ('512 B', '1.5 MiB')
    """
    for unit in SIZES[:-1]:
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} {SIZES[-1]}"


def count(number: float) -> str:
    """Write a count in full, with separators."""
    return f"{number:,.0f}"


def plural(number: int, noun: str) -> str:
    """Write e.g. ``1 job``, ``1,200 jobs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def pretty(value: Any) -> str:
    """Write a value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def inline(value: Any) -> str:
    """Write a value as JSON in one line, cut where nobody reads on."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LINE else f"{text[: LINE - 1]}…"


def gist(error: str | None) -> str:
    """Return what an error says in one line: the exception of a traceback, else the first line."""
    rows = [row.rstrip() for row in (error or "").splitlines() if row.strip()]
    if not rows:
        return ""
    if not rows[0].startswith("Traceback"):
        return rows[0].strip()
    frames = [number for number, row in enumerate(rows[:-1]) if row.startswith("  ")]
    return rows[frames[-1] + 1 if frames else -1].strip()


def moment(at_ms: float) -> Markup:
    """Return a time: as a distance from now where scripts run, else in UTC; a dash for 0."""
    return _time(at_ms, "ago")


def clock(at_ms: float) -> Markup:
    """Return a time of day with its date, in the reader's own zone where scripts run."""
    return _time(at_ms, "full")


def segment(text: str) -> str:
    """Return a text as one part of an address."""
    return quote(text, safe="")


def _time(at_ms: float, kind: str) -> Markup:
    if not at_ms:
        return Markup("–")
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return Markup('<time datetime="{}" data-ms="{}" data-as="{}">{}</time>').format(
        at.isoformat(timespec="milliseconds"), round(at_ms), kind, f"{at:%Y-%m-%d %H:%M:%S} UTC"
    )


FILTERS = {
    each.__name__: each
    for each in (
        compact,
        elapsed,
        duration,
        percent,
        size,
        count,
        plural,
        pretty,
        inline,
        gist,
        moment,
        clock,
        segment,
        quantile,
    )
}
