"""What is wrong with a payload value: one exception that carries every problem in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobctl.spec.diagnostics import quote
from jobctl.spec.model import NO_DEFAULT

INT_LIMIT = 2**63  # what msgpack, SQL and most JSON readers hold


class BadValue(ValueError):
    """A value is not what its field declares.

    Attributes:
        problems: ``(path, text, got)`` each; path "" is the value itself, ``got`` what stands there instead or "".
    """

    def __init__(self, problems: list[tuple[str, str, str]]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"`{path}` {text}" if path else text for path, text in self.texts()))

    @classmethod
    def of(cls, text: str, value: Any = NO_DEFAULT) -> BadValue:
        """Return the error for one value."""
        return cls([("", text, "" if value is NO_DEFAULT else show(value))])

    def texts(self) -> list[tuple[str, str]]:
        """Return ``(path, text)`` of every problem, fit to be shown."""
        return [(path, f"{text}, got {got}" if got else text) for path, text, got in self.problems]

    def under(self, path: str) -> list[tuple[str, str, str]]:
        """Return the problems as seen from above: ``path`` is the name or ``[index]`` of the value."""
        return [
            (f"{path}{'.' * bool(below and below[0] != '[')}{below}", text, got) for below, text, got in self.problems
        ]

    def without_values(self) -> BadValue:
        """Return the same problems, saying nothing of the values: they are secret."""
        return BadValue([(path, text, "") for path, text, _ in self.problems])


def show(value: Any) -> str:
    """Return a value as a message quotes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int | float):
        return quote(repr(value)) if not isinstance(value, int) or abs(value) < INT_LIMIT * 2 else "a huge number"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    return f"a Python {type(value).__name__}"
