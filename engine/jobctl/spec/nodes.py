"""A YAML file as a tree of located nodes. Scalars stay text: what they mean depends on the field they stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from jobctl.errors import Location
from jobctl.names import did_you_mean
from jobctl.spec.diagnostics import Diagnostic
from jobctl.spec.source import SourceFile

# "did you mean" compares with every known name: a broken file must not take seconds to say so
SUGGESTIONS_LIMIT = 100
KNOWN_LIMIT = 500
NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place. ``line`` and ``column`` count from 1; ``width`` is its extent on its first line.

    ``size`` counts the node and everything below it, each alias with all it stands for.
    """

    source: SourceFile
    line: int
    column: int
    width: int = 1
    size: int = 1

    @property
    def location(self) -> Location:
        """The node's place in its file."""
        return Location(self.source.name, self.line, self.column)


@dataclass(slots=True, eq=False)
class Scalar(Node):
    """A single value as its text. ``is_plain``: it stands there without quotes."""

    text: str = ""
    is_plain: bool = True

    @property
    def is_null(self) -> bool:
        """Whether nothing is there, or YAML's null."""
        return self.is_plain and self.text in NULLS


@dataclass(slots=True, eq=False)
class Sequence(Node):
    """A list."""

    items: list[Value] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Mapping(Node):
    """A mapping: key -> ``(key, value)``. Keys are texts and each occurs once."""

    pairs: dict[str, tuple[Scalar, Value]] = field(default_factory=dict)


Value: TypeAlias = Scalar | Sequence | Mapping


class Problems:
    """Collects diagnostics while a spec is read."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def report(
        self,
        code: str,
        message: str,
        node: Node,
        *,
        hint: str | None = None,
        label: str = "",
        related: Iterable[tuple[Node, str]] = (),
    ) -> None:
        """Note a problem at a node. ``code`` is given without its prefix ``spec.``."""
        self.found.append(
            Diagnostic(
                code=f"spec.{code}",
                message=message,
                location=node.location,
                hint=hint,
                source=node.source.line(node.line),
                width=node.width,
                label=label,
                related=tuple((other.location, text) for other, text in related),
            )
        )

    def suggest(self, name: str, known: Iterable[str], otherwise: Callable[[], str] | str | None = None) -> str | None:
        """Return ``did you mean ...?``, or what to say when nothing is near."""
        is_cheap = len(self.found) < SUGGESTIONS_LIMIT and len(name) < 100
        match = did_you_mean(name, islice(known, KNOWN_LIMIT)) if is_cheap else None
        if match is None and otherwise is not None:
            return otherwise if isinstance(otherwise, str) else otherwise()
        return match
