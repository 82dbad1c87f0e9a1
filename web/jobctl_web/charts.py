"""Charts drawn on the server as SVG: they are there without scripts, print well, and say in words what they show.

A plot is stretched to the room it has; its labels are HTML beside it, so that they are not. Colours come from the
style sheet by class. Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from jobctl.durations import format_elapsed

SMALLEST = 1e-6  # what is less counts as nothing
WIDTH, HEIGHT = 600, 160  # units of the plot; it is stretched
STRIP_WIDTH = 100.0


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart.

    Attributes:
        name: in the legend.
        tone: CSS class that colours it, such as ``complete``.
        values: None = not known.
    """

    name: str
    tone: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a strip."""

    name: str
    tone: str
    value: float


def nice_top(highest: float) -> float:
    """Return the round number at the top of an axis.

    Example:
        >>> [nice_top(each) for each in (0, 0.3, 7, 12, 230)]
        [1.0, 0.4, 8.0, 20.0, 400.0]
    """
    if highest < SMALLEST:
        return 1.0
    power: float = 10 ** math.floor(math.log10(highest))
    for step in (1, 2, 4, 6, 8, 10):
        if highest <= step * power * (1 + 1e-9):
            return float(f"{step * power:.6g}")
    return float(10 * power)


def compact(number: float) -> str:
    """Write a number in a few characters.

    Example:
        >>> compact(0), compact(0.25), compact(999), compact(12_345), compact(3_400_000)
        ('0', '0.25', '999', '12.3k', '3.4M')
    """
    for limit, unit, by in ((1e3, "", 1.0), (1e6, "k", 1e3), (math.inf, "M", 1e6)):
        if abs(number) < limit:
            scaled = number / by
            digits = 0 if scaled == int(scaled) else 2 if abs(scaled) < 10 and not unit else 1
            return f"{scaled:.{digits}f}{unit}"
    raise AssertionError("unreachable: every number is below infinity")


def written(number: float, unit: str) -> str:
    """Write a number with its unit; milliseconds as people write times.

    Example:
        >>> written(12_345, "/s"), written(6000, "ms"), written(0, "ms")
        ('12.3k/s', '6s', '0ms')
    """
    if unit != "ms":
        return f"{compact(number)}{unit}"
    return format_elapsed(number / 1000).replace(".0s", "s")


def lines(
    series: Sequence[Series], at_ms: Sequence[int], *, label: str, unit: str = "", is_stacked: bool = False
) -> Markup:
    """Return a chart over time: areas where the values add up, else lines.

    Args:
        series: each as long as ``at_ms``.
        at_ms: the moments, ascending, ms since the epoch.
        label: what it shows, in words.
        unit: behind each number, such as ``/s``.
        is_stacked: whether the values add up.
    """
    return _chart(series, at_ms, label, unit, is_stacked=is_stacked, is_day=False)


def days(
    series: Sequence[Series], at_ms: Sequence[int], *, label: str, unit: str = "", is_stacked: bool = False
) -> Markup:
    """Return a chart of days: a bar each, one upon the other where the values add up, else one before the other."""
    return _chart(series, at_ms, label, unit, is_stacked=is_stacked, is_day=True)


def _chart(
    series: Sequence[Series], at_ms: Sequence[int], label: str, unit: str, *, is_stacked: bool, is_day: bool
) -> Markup:
    tops = _stacked(series) if is_stacked else [[value or 0.0 for value in each.values] for each in series]
    top = nice_top(max((value for values in tops for value in values), default=0.0))
    bottoms = [[0.0] * len(at_ms), *tops[:-1]] if is_stacked else [[0.0] * len(at_ms)] * len(tops)
    shapes = [
        _bars(each.tone, upper, lower, top)
        if is_day
        else _area(each, upper, lower, top, is_filled=is_stacked or len(series) == 1)
        for each, upper, lower in zip(series, tops, bottoms, strict=True)
    ]
    line = Markup('<line class="grid" x1="0" x2="{0}" y1="{1}" y2="{1}"/>')
    grid = Markup("").join(line.format(WIDTH, f"{HEIGHT * n / 4:g}") for n in range(1, 4))
    data = {
        "at": list(at_ms),
        "day": is_day,
        "unit": unit,
        "series": [
            {"name": each.name, "tone": each.tone, "values": [None if v is None else round(v, 3) for v in each.values]}
            for each in series
        ],
    }
    return Markup(
        '<figure class="chart" data-chart="{data}"><div class="axis-y" aria-hidden="true">{ys}</div>'
        '<div class="plot"><svg viewBox="0 0 {w} {h}" preserveAspectRatio="none" role="img" aria-label="{label}">'
        "{grid}{shapes}</svg></div>"
        '<div class="axis-x" aria-hidden="true">{xs}</div>{legend}</figure>'
    ).format(
        data=json.dumps(data, separators=(",", ":")),
        ys=Markup("").join(Markup("<span>{}</span>").format(written(top * n / 2, unit)) for n in (2, 1, 0)),
        w=WIDTH,
        h=HEIGHT,
        label=f"{label}: {_in_words(series, unit)}",
        grid=grid,
        shapes=Markup("").join(reversed(shapes) if is_stacked and not is_day else shapes),
        xs=_moments(at_ms, is_day=is_day),
        legend=_legend(series) if len(series) > 1 else "",
    )


def spark(values: Sequence[float | None], *, tone: str, label: str) -> Markup:
    """Return a small line without axes."""
    known = [value or 0.0 for value in values]
    top = nice_top(max(known, default=0.0))
    shape = _area(Series("", tone, known), known, [0.0] * len(known), top, is_filled=True)
    return Markup(
        '<svg class="spark" viewBox="0 0 {w} {h}" preserveAspectRatio="none" role="img" aria-label="{label}">{s}</svg>'
    ).format(w=WIDTH, h=HEIGHT, label=f"{label}: now {compact(known[-1]) if known else 0}", s=shape)


def strip(slices: Sequence[Slice], *, label: str, total: float | None = None) -> Markup:
    """Return one bar whose parts are to each other as their values.

    Args:
        slices: its parts, from the left.
        label: what it shows.
        total: what the whole bar stands for; None = the sum of its parts.
    """
    whole = total or sum(each.value for each in slices)
    x = 0.0
    parts = []
    for each in slices:
        width = min(STRIP_WIDTH * each.value / whole, STRIP_WIDTH - x) if whole else 0.0
        if width > 0:
            parts.append(
                Markup('<rect class="{}" x="{}" width="{}" height="8"/>').format(each.tone, f"{x:.3f}", f"{width:.3f}")
            )
            x += width
    words = ", ".join(f"{each.name} {compact(each.value)}" for each in slices if each.value) or "nothing"
    return Markup(
        '<svg class="strip" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(f"{label}: {words}", Markup("").join(parts))


def _stacked(series: Sequence[Series]) -> list[list[float]]:
    found: list[list[float]] = []
    for each in series:
        below = found[-1] if found else [0.0] * len(each.values)
        found.append([low + (value or 0.0) for low, value in zip(below, each.values, strict=True)])
    return found


def _area(series: Series, upper: Sequence[float], lower: Sequence[float], top: float, *, is_filled: bool) -> Markup:
    if not upper:
        return Markup("")
    step = WIDTH / max(len(upper) - 1, 1)

    def points(values: Sequence[float]) -> list[str]:
        return [f"{n * step:.1f},{HEIGHT * (1 - min(value / top, 1)):.0f}" for n, value in enumerate(values)]

    area = Markup("")
    if is_filled:
        area = Markup('<polygon class="area {}" points="{}"/>').format(
            series.tone, " ".join([*_corners(points(upper)), *reversed(_corners(points(lower)))])
        )
    edge = points(upper)
    strokes = Markup("").join(
        Markup('<polyline class="line {}" points="{}"/>').format(
            series.tone, " ".join(_corners(edge[first : last + 1]))
        )
        if last > first
        else _dash(series.tone, first * step, edge[first].partition(",")[2], step / 3)
        for first, last in _known(series.values)
    )
    return area + strokes


def _corners(points: Sequence[str]) -> list[str]:
    """Return the points without those in the middle of a level stretch: most of a quiet quarter of an hour."""
    ys = [point.partition(",")[2] for point in points]
    inner = [point for n, point in enumerate(points[1:-1], 1) if not ys[n - 1] == ys[n] == ys[n + 1]]
    return [*points[:1], *inner, *points[1:][-1:]]


def _known(values: Sequence[float | None]) -> list[tuple[int, int]]:
    """Return ``(first, last)`` of each stretch of values that are known.

    Example:
        >>> _known([1, 2, None, 3, None])
        [(0, 1), (3, 3)]
    """
    stretches: list[tuple[int, int]] = []
    for n, value in enumerate(values):
        if value is None:
            continue
        if stretches and stretches[-1][1] == n - 1:
            stretches[-1] = (stretches[-1][0], n)
        else:
            stretches.append((n, n))
    return stretches


def _dash(tone: str, x: float, y: str, reach: float) -> Markup:
    """Return the mark of a value that stands alone."""
    return Markup('<polyline class="line {}" points="{},{} {},{}"/>').format(
        tone, f"{max(x - reach, 0):.1f}", y, f"{min(x + reach, WIDTH):.1f}", y
    )


def _bars(tone: str, upper: Sequence[float], lower: Sequence[float], top: float) -> Markup:
    slot = WIDTH / max(len(upper), 1)
    bars = []
    for n, (high, low) in enumerate(zip(upper, lower, strict=True)):
        y = HEIGHT * (1 - min(high / top, 1))
        height = HEIGHT * (1 - min(low / top, 1)) - y
        if height > 0:
            bars.append(
                Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                    tone, f"{(n + 0.16) * slot:.1f}", f"{y:.1f}", f"{slot * 0.68:.1f}", f"{height:.1f}"
                )
            )
    return Markup("").join(bars)


def _moments(at_ms: Sequence[int], *, is_day: bool) -> Markup:
    if not at_ms:
        return Markup("")
    chosen = [at_ms[0], at_ms[len(at_ms) // 2], at_ms[-1]]
    kind = "day" if is_day else "clock"
    return Markup("").join(Markup('<time data-ms="{}" data-as="{}"></time>').format(each, kind) for each in chosen)


def _legend(series: Sequence[Series]) -> Markup:
    items = Markup("").join(
        Markup('<li><span class="dot {}"></span>{}</li>').format(each.tone, each.name) for each in series
    )
    return Markup('<ul class="legend" aria-hidden="true">{}</ul>').format(items)


def _in_words(series: Sequence[Series], unit: str) -> str:
    told = []
    for each in series:
        known = [value for value in each.values if value is not None]
        if known:
            told.append(f"{each.name} now {written(known[-1], unit)}, highest {written(max(known), unit)}")
    return "; ".join(told) or "nothing yet"
