"""Text fit for a terminal: measured in columns, cut to a width, free of control characters.

Payloads and errors come from anywhere; an escape sequence in one must not reach the reader's terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

ELLIPSIS = "…"


def columns(text: str) -> int:
    """Return the terminal columns a text takes: two for wide characters, none for combining ones.

    Example:
        >>> columns("job"), columns("仕事")
        (3, 4)
    """
    if text.isascii():
        return len(text)
    return sum(_width(c) for c in text)


def clip(text: str, limit: int) -> str:
    """Return the text cut to so many columns, with an ellipsis where it was cut.

    Example:
        >>> clip("tenant-init", 8)
        'tenant-…'
    """
    if columns(text) <= limit:
        return text
    taken = ""
    room = limit - 1
    for character in text:
        room -= _width(character)
        if room < 0:
            break
        taken += character
    return taken + ELLIPSIS if limit > 0 else ""


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return the text filled up with spaces, on its left if it is to stand at the right."""
    fill = " " * max(width - columns(text), 0)
    return fill + text if right else text + fill


def harmless(text: str) -> str:
    r"""Return one line of text without characters that a terminal obeys.

    Example:
        >>> harmless("a\x1b[31mb\nc")
        'a\\x1b[31mb\\nc'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def harmless_lines(text: str) -> list[str]:
    """Return the lines of a text, each of them harmless; tabs become spaces."""
    return [harmless(line.expandtabs(4)) for line in text.splitlines()]


def gist(error: str) -> str:
    """Return what an error says in one line: the exception of a traceback, else the first line.

    Example:
        >>> gist("Traceback (most recent call last):\\n  File \\"app.py\\"\\nValueError: no\\nreally")
        'ValueError: no'
    """
    lines = [line.rstrip() for line in error.splitlines() if line.strip()]
    if not lines:
        return ""
    if not lines[0].startswith("Traceback"):
        return harmless(lines[0].strip())
    # the exception stands behind the last frame; its message may have more lines
    frames = [number for number, line in enumerate(lines[:-1]) if line.startswith("  ")]
    return harmless(lines[frames[-1] + 1 if frames else -1].strip())


def wrap(text: str, width: int) -> list[str]:
    """Break text into lines of at most so many columns, at spaces; longer words stand alone.

    Example:
        >>> wrap("one two three", 8)
        ['one two', 'three']
    """
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and columns(line) + 1 + columns(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


def plural(count: int, noun: str) -> str:
    """Return e.g. ``1 job``, ``3 jobs``, ``1,200 jobs``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Return words in backticks, as a sentence lists them.

    Example:
        >>> listed(["json", "yaml", "name"])
        '`json`, `yaml` or `name`'
    """
    *head, last = [f"`{word}`" for word in words]
    return f"{', '.join(head)} or {last}" if head else last


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
