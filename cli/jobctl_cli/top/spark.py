"""Sparklines: a series of numbers as a row of little bars. Pure."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def spark(values: Sequence[float | None], columns: int) -> str:
    """Return the latest values as bars, the newest at the right, the highest of those shown as a full bar.

    Args:
        values: oldest first; None = nothing to tell, which stays blank.
        columns: how many of them at most.

    Example:
        >>> spark([0, 1, 2, 4, None, 8], columns=6)
        '▁▁▂▄ █'
    """
    shown = list(values)[-columns:] if columns > 0 else []
    highest = max((value for value in shown if value is not None), default=0.0)
    return "".join(" " if value is None else BARS[_height(value, highest)] for value in shown)


def _height(value: float, highest: float) -> int:
    if highest <= 0 or value <= 0:
        return 0
    return min(int(value / highest * (len(BARS) - 1)), len(BARS) - 1)
