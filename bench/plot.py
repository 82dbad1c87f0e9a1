"""The bench's ratios as a picture: one bar a trial, how many times stock SAQ we are. Plain SVG, no dependency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

LEFT, WIDTH, BAR, GAP, HEAD = 210, 420, 22, 12, 46
COLOUR, AXIS, TEXT = "#2f6f9f", "#c8ccd0", "#24292f"


def bars(title: str, ratios: Sequence[tuple[str, float]]) -> str:
    """Return an SVG of horizontal bars on a linear scale, with a line at 1, where stock SAQ stands.

    Args:
        title: one line above the bars.
        ratios: label and ratio (ours to theirs) of each bar, from above.
    """
    top = max(2.0, math.ceil(max(ratio for _, ratio in ratios)))
    scale = WIDTH / top
    height = HEAD + len(ratios) * (BAR + GAP) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 80} {height}" font-family="sans-serif" '
        f'font-size="13" fill="{TEXT}" role="img">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for position, (label, ratio) in enumerate(ratios):
        y = HEAD + position * (BAR + GAP)
        parts += [
            f'<text x="{LEFT - 10}" y="{y + BAR * 0.7:.0f}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{ratio * scale:.1f}" height="{BAR}" fill="{COLOUR}"/>',
            f'<text x="{LEFT + ratio * scale + 8:.1f}" y="{y + BAR * 0.7:.0f}">{ratio:.1f}x</text>',
        ]
    foot = HEAD + len(ratios) * (BAR + GAP)
    parts += [
        f'<line x1="{LEFT + scale:.1f}" y1="{HEAD - 6}" x2="{LEFT + scale:.1f}" y2="{foot}" stroke="{AXIS}" '
        'stroke-dasharray="4 3"/>',
        f'<text x="{LEFT + scale:.1f}" y="{foot + 18}" text-anchor="middle" fill="#57606a">stock SAQ = 1</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
