"""Problems of specs: where, what, and what to do about it; rendered as compilers do."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobctl.errors import Location, SpecError

SHOWN_COLUMNS = 100  # of a source line; a longer one is shown around the caret
SHOWN_PROBLEMS = 100  # in the text of one SpecErrors; all of them stay in `diagnostics`
SHOWN_VALUE = 60  # characters of a value quoted in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem.

    Attributes:
        code: stable name of the kind of problem, such as ``spec.unknown-queue``.
        message: one sentence without a full stop.
        location: place in a file, or None if there is none (a folder that does not exist).
        hint: what to do about it, or None.
        source: the line at `location`, without its line end.
        width: characters of it that are at fault, at least 1.
        label: a few words beside the caret, or "".
        related: further places that matter, each with what it is.
        severity: ``error``, or ``warning`` for what is valid and yet most likely not meant.
    """

    code: str
    message: str
    location: Location | None = None
    hint: str | None = None
    source: str = ""
    width: int = 1
    label: str = ""
    related: tuple[tuple[Location, str], ...] = ()
    severity: str = "error"

    def render(self) -> str:
        """Return the problem as text: header, place, source line with caret, further places, hint."""
        lines = [f"{self.severity}[{self.code}]: {self.message}"]
        if self.location is not None:
            number = str(self.location.line)
            margin = " " * len(number)
            lines.append(f"{margin}--> {self.location}")
            if self.source.strip():
                shown, caret = _excerpt(self.source, self.location.column, self.width)
                lines += [f"{margin} |", f"{number} | {shown}", f"{margin} | {caret} {self.label}".rstrip()]
        lines += [f"note: {place}: {text}" for place, text in self.related]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class SpecErrors(SpecError):
    """All problems of a spec at once; its text is all of them rendered.

    Attributes:
        diagnostics: in the order of files, lines and columns.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        shown = [diagnostic.render() for diagnostic in self.diagnostics[:SHOWN_PROBLEMS]]
        if left := len(self.diagnostics) - len(shown):
            shown.append(f"... and {left} more")
        super().__init__("\n\n".join(shown))

    @property
    def summary(self) -> str:
        """Return e.g. ``3 problems in 2 files``."""
        files = len({diagnostic.location.file for diagnostic in self.diagnostics if diagnostic.location})
        problems = f"{len(self.diagnostics)} problem{'s' * (len(self.diagnostics) != 1)}"
        return f"{problems} in {files} file{'s' * (files != 1)}" if files else problems


def quote(text: str) -> str:
    """Return a text of the spec in backticks, short and harmless: one line, no control characters.

    Example:
        >>> quote("critcal"), quote("two" + chr(10) + "lines"), quote("")
        ('`critcal`', '`two\\\\nlines`', 'an empty text')
    """
    if not text:
        return "an empty text"
    if len(text) > SHOWN_VALUE:
        text = text[:SHOWN_VALUE] + "..."
    return f"`{''.join(c if c.isprintable() else _escape(c) for c in text)}`"


def listed(words: Sequence[str], last: str = "or") -> str:
    """Return words as a reader enumerates them.

    Example:
        >>> listed(["weighted", "strict"]), listed(["dead", "retry", "lost"])
        ('`weighted` or `strict`', '`dead`, `retry` or `lost`')
    """
    quoted = [quote(word) for word in words]
    return f"{', '.join(quoted[:-1])} {last} {quoted[-1]}" if len(quoted) > 1 else "".join(quoted)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _excerpt(line: str, column: int, width: int) -> tuple[str, str]:
    """Return the line fit for a terminal, and the carets under ``column`` (from 1)."""
    start = min(max(column - 1, 0), len(line))
    end = min(max(start + width, start + 1), max(len(line), start + 1))
    cut = 0
    head = tail = ""
    if len(line) > SHOWN_COLUMNS:
        cut = max(0, min(start - SHOWN_COLUMNS // 3, len(line) - SHOWN_COLUMNS))
        head = "..." if cut else ""
        tail = "..." if cut + SHOWN_COLUMNS < len(line) else ""
        end = min(end, cut + SHOWN_COLUMNS)
    before, marked = line[cut:start], line[start:end]
    shown = head + _printable(line[cut : cut + SHOWN_COLUMNS]) + tail
    caret = " " * (len(head) + _columns(before)) + "^" * max(_columns(marked), 1)
    return shown.rstrip(), caret


def _printable(text: str) -> str:
    # a tab has no fixed width, and escape sequences in a spec must not reach the terminal
    return "".join(c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _columns(text: str) -> int:
    """Return the terminal columns a text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
