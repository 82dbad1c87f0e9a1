"""A filter as a tree, and what is left of it once something about a job is known. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# What a value may hold without quotes; the rest of the language keeps its hands off these.
BARE = re.compile(r"[^\s(),\"'=~<>!][^\s(),\"']*")
WORDS = ("and", "or", "not")


@dataclass(frozen=True, slots=True)
class Value:
    """What a field is compared with.

    Attributes:
        text: as written, without its quotes.
        is_quoted: then it is a text and nothing else: no wildcard, number, truth value or null.
    """

    text: str
    is_quoted: bool = False

    def __str__(self) -> str:
        if not self.is_quoted:
            return self.text
        return '"' + self.text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    @property
    def is_pattern(self) -> bool:
        """Whether its `*` stand for any text."""
        return not self.is_quoted and "*" in self.text


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. Several values mean any of them.

    Attributes:
        name: of the field, such as ``state`` or ``payload.id``.
        op: ``=``, ``!=``, ``~``, ``!~``, ``<``, ``<=``, ``>`` or ``>=``.
        at: where it stands in the text, characters from 0.
    """

    name: str
    op: str
    values: tuple[Value, ...]
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name}{self.op}{','.join(map(str, self.values))}"

    @property
    def is_negative(self) -> bool:
        """Whether it holds where its opposite does not."""
        return self.op.startswith("!")


@dataclass(frozen=True, slots=True)
class All:
    """All of its parts hold; two or more."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, Any) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any:
    """One of its parts holds; two or more."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.parts))


@dataclass(frozen=True, slots=True)
class Not:
    """Its part does not hold."""

    part: Expression

    def __str__(self) -> str:
        return f"not ({self.part})" if isinstance(self.part, All | Any) else f"not {self.part}"


Expression = Condition | All | Any | Not


def all_of(*parts: Expression) -> Expression:
    """Join expressions by `and`, without nesting."""
    flat: list[Expression] = []
    for part in parts:
        flat += part.parts if isinstance(part, All) else (part,)
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def any_of(*parts: Expression) -> Expression:
    """Join expressions by `or`, without nesting."""
    flat: list[Expression] = []
    for part in parts:
        flat += part.parts if isinstance(part, Any) else (part,)
    return flat[0] if len(flat) == 1 else Any(tuple(flat))


def conditions(expression: Expression) -> Iterator[Condition]:
    """Yield every comparison in an expression."""
    match expression:
        case Condition():
            yield expression
        case Not(part):
            yield from conditions(part)
        case _:
            for part in expression.parts:
                yield from conditions(part)


def conjuncts(expression: Expression | None) -> tuple[Expression, ...]:
    """Return what must hold, each by itself."""
    if expression is None:
        return ()
    return expression.parts if isinstance(expression, All) else (expression,)


def reduced(expression: Expression, known: Callable[[Condition], bool | None]) -> Expression | bool:
    """Return what is left of an expression when some comparisons are decided, or how it is decided as a whole.

    Args:
        expression: the filter.
        known: whether a comparison holds; None = it takes the record to tell.
    """
    match expression:
        case Condition():
            answer = known(expression)
            return expression if answer is None else answer
        case Not(part):
            left = reduced(part, known)
            return not left if isinstance(left, bool) else Not(left)
    # One part may decide: a false one for `and`, a true one for `or`. Parts decided the other way do not count.
    deciding = isinstance(expression, Any)
    open_parts: list[Expression] = []
    for part in expression.parts:
        left = reduced(part, known)
        if isinstance(left, bool):
            if left is deciding:
                return deciding
        else:
            open_parts.append(left)
    if not open_parts:
        return not deciding
    return any_of(*open_parts) if deciding else all_of(*open_parts)
