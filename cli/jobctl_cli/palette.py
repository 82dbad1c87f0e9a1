"""Colours of the terminal, by meaning. Everything reads the same without them."""

from __future__ import annotations

from typing import Final

CODES: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

STATES: Final = {
    "scheduled": "blue",
    "queued": "cyan",
    "active": "bold cyan",
    "retrying": "yellow",
    "complete": "green",
    "dead": "bold red",
    "cancelled": "dim",
}
"""Style of each job state; also of an attempt's outcomes, which come on top."""

OUTCOMES: Final = STATES | {"retry": "yellow", "lost": "magenta", "interrupted": "blue"}

LEVELS: Final = {"DEBUG": "dim", "INFO": "green", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


class Palette:
    """Paints text, or leaves it as it is.

    Args:
        is_on: whether the stream takes colours.
    """

    __slots__ = ("is_on",)

    def __init__(self, is_on: bool) -> None:
        self.is_on = is_on

    def __call__(self, style: str, text: str) -> str:
        """Return the text in a style: words of CODES, such as ``bold red``; "" = plain."""
        if not self.is_on or not style or not text:
            return text
        codes = ";".join(CODES[word] for word in style.split())
        return f"\x1b[{codes}m{text}\x1b[0m"
