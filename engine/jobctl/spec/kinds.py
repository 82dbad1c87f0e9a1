"""What the value of a key may be: kinds read a node as their own type, or say what they expected.

A kind is data as well as a reader: its ``label`` and bounds document the key.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Words
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from jobctl.durations import format_duration, parse_duration
from jobctl.names import did_you_mean
from jobctl.spec.diagnostics import listed, quote
from jobctl.spec.nodes import Mapping, Problems, Scalar, Sequence, Value
from jobctl.spec.scalars import read_bool, read_float, read_int, suggest_duration, yaml11

INVALID: Final = object()
"""What reading gives for a value at fault; the problem has been reported."""

MAX_DURATION_S = 100 * 365 * 86_400.0  # a century: beyond it dates overflow


class Rejected(ValueError):
    """A scalar is not of its kind. The text replaces "must be <expected>, got <value>" when given."""

    def __init__(self, text: str = "", *, hint: str | None = None, label: str = "", code: str = "bad-value") -> None:
        super().__init__(text)
        self.hint, self.label, self.code = hint, label, code


def subject(path: str) -> str:
    """Return a path as the subject of a sentence; the path of a whole file is ""."""
    return f"`{path}`" if path else "the file"


class Kind(Protocol):
    """A type of values."""

    @property
    def label(self) -> str:
        """Short name for documents: ``duration``."""

    @property
    def expected(self) -> str:
        """What a message says it must be: ``a duration such as `30s` ``."""

    def read(self, node: Value, path: str, problems: Problems) -> Any:
        """Return the value, or INVALID after reporting why."""


class ScalarKind:
    """Base of the kinds that are one text; a kind gives ``parse``."""

    label: str
    expected: str
    is_number = False  # numbers and truth values lose their meaning in quotes, so a message must show these

    def parse(self, node: Scalar) -> Any:
        """Return the value of a text that is not null.

        Raises:
            Rejected: it is none.
        """
        raise NotImplementedError

    def read(self, node: Value, path: str, problems: Problems) -> Any:
        """Return the value, or INVALID after reporting why."""
        if not isinstance(node, Scalar):
            reject_shape(node, path, self.expected, problems)
            return INVALID
        if node.is_null:
            reject_null(node, path, self.expected, problems)
            return INVALID
        try:
            return self.parse(node)
        except Rejected as error:
            got = f'"{node.text}"' if self.is_number and not node.is_plain else node.text
            text = str(error) or f"must be {self.expected}, got {quote(got)}"
            problems.report(error.code, f"{subject(path)} {text}", node, hint=error.hint, label=error.label)
            return INVALID


def reject_shape(node: Value, path: str, expected: str, problems: Problems, *, hint: str | None = None) -> None:
    """Report a mapping, list or scalar where another shape belongs."""
    got = _shape(node)
    problems.report("bad-value", f"{subject(path)} must be {expected}, got {got}", node, hint=hint)


def _shape(node: Value) -> str:
    if isinstance(node, Scalar):
        return quote(node.text)
    return "a list" if isinstance(node, Sequence) else "a mapping"


def reject_null(node: Value, path: str, expected: str, problems: Problems, *, hint: str | None = None) -> None:
    """Report a key without a value."""
    hint = hint or f"give it {expected}, or remove the key"
    problems.report("no-value", f"{subject(path)} has no value", node, hint=hint)


@dataclass(eq=False, repr=False)
class Text(ScalarKind):
    """Any text; plain words need no quotes, whatever YAML 1.1 would make of them."""

    max_length: int = 1000
    is_stripped: bool = True
    label: str = "text"
    expected: str = "a text"

    def parse(self, node: Scalar) -> str:
        """Return the text."""
        text = node.text.strip() if self.is_stripped else node.text
        if len(text) > self.max_length:
            raise Rejected(f"is longer than {self.max_length} characters")
        return text


@dataclass(eq=False, repr=False)
class Name(ScalarKind):
    """A text of a given form.

    Attributes:
        label: what it names: ``job name``.
        rule: the form in words.
        mend: proposes a good name for a bad one.
    """

    pattern: re.Pattern[str]
    label: str
    rule: str
    mend: Callable[[str], str] | None = None
    code: str = "bad-name"

    @property
    def expected(self) -> str:  # type: ignore[override]
        """What a message says it must be."""
        return f"a {self.label} ({self.rule})"

    def parse(self, node: Scalar) -> str:
        """Return the name."""
        if not self.pattern.fullmatch(node.text):
            raise Rejected(hint=self._proposal(node.text), code=self.code)
        return node.text

    def read_key(self, key: Scalar, problems: Problems) -> bool:
        """Return whether a key is such a name, after reporting that it is not."""
        if self.pattern.fullmatch(key.text):
            return True
        text = f"{quote(key.text)} is no {self.label}: {self.rule}"
        problems.report(self.code, text, key, hint=self._proposal(key.text))
        return False

    def _proposal(self, text: str) -> str | None:
        proposal = self.mend(text) if self.mend and len(text) < 200 else ""
        return f"write `{proposal}`" if self.pattern.fullmatch(proposal) else None


@dataclass(eq=False, repr=False)
class Whole(ScalarKind):
    """A whole number within bounds (inclusive). ``beyond`` is the hint for a number outside of them."""

    low: int = 0
    high: int = 1_000_000
    beyond: str | None = None
    label: str = "whole number"
    is_number = True

    @property
    def expected(self) -> str:  # type: ignore[override]
        """What a message says it must be."""
        if self.low == self.high:
            return f"`{self.low}`"
        bounds = f"of {self.low} or more" if self.high >= 1_000_000 else f"from {self.low} to {self.high:,}"
        return f"a whole number {bounds}"

    def parse(self, node: Scalar) -> int:
        """Return the number."""
        number = read_int(node.text) if node.is_plain else None
        if number is None:
            raise Rejected(hint=number_hint(node))
        if not self.low <= number <= self.high:
            raise Rejected(code="out-of-range", hint=self.beyond)
        return number


@dataclass(eq=False, repr=False)
class Number(ScalarKind):
    """A number within bounds (inclusive); an infinite bound is none."""

    low: float = -math.inf
    high: float = math.inf
    label: str = "number"
    is_number = True

    @property
    def expected(self) -> str:  # type: ignore[override]
        """What a message says it must be."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"a number from {self.low:g} to {self.high:g}"
        return f"a number of {self.low:g} or more" if math.isfinite(self.low) else "a number"

    def parse(self, node: Scalar) -> float:
        """Return the number."""
        number = read_float(node.text) if node.is_plain else None
        if number is None:
            raise Rejected(hint=number_hint(node))
        if not self.low <= number <= self.high:
            raise Rejected(code="out-of-range")
        return number


@dataclass(eq=False, repr=False)
class Bool(ScalarKind):
    """``true`` or ``false``, nothing else."""

    label: str = "true or false"
    is_number = True
    expected: str = "`true` or `false`"

    def parse(self, node: Scalar) -> bool:
        """Return the truth value."""
        value = read_bool(node.text) if node.is_plain else None
        if value is None:
            raise Rejected(hint=bool_hint(node))
        return value


@dataclass(eq=False, repr=False)
class Duration(ScalarKind):
    """A duration in seconds, or one of some words.

    Attributes:
        words: e.g. ``forever`` -> 0.0.
        low_s: least duration, seconds.
        whole_s: only whole seconds.
    """

    words: Words[str, float] = field(default_factory=dict)
    low_s: float = 0.001
    whole_s: bool = False
    label: str = "duration"

    @property
    def expected(self) -> str:  # type: ignore[override]
        """What a message says it must be."""
        return f"a duration such as `30s`{', or ' * bool(self.words)}{listed(list(self.words))}"

    def parse(self, node: Scalar) -> float:
        """Return seconds."""
        text = node.text
        if text in self.words:
            return self.words[text]
        try:
            seconds = parse_duration(text)
        except ValueError:
            raise _no_duration(node, self.expected, self.words) from None
        if seconds > MAX_DURATION_S:
            raise Rejected("is more than a hundred years", code="out-of-range")
        if seconds < self.low_s:
            least = f"must be at least `{format_duration(self.low_s)}`, got {quote(text)}"
            hint = f"there is also {listed(list(self.words), 'and')}" if self.words else None
            raise Rejected(least, hint=hint, code="out-of-range")
        if self.whole_s and not seconds.is_integer():
            raise Rejected(f"must be whole seconds, got {quote(text)}", code="out-of-range")
        return seconds


@dataclass(eq=False, repr=False)
class Choice(ScalarKind):
    """One of a few words.

    Attributes:
        noun: what the words are; with it, a message lists them only when none is near.
        misnomers: words that other tools use -> the word that means it here.
    """

    words: type[StrEnum]
    noun: str = ""
    misnomers: Words[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:  # type: ignore[override]
        """Short name for documents."""
        return " | ".join(self.words)

    @property
    def expected(self) -> str:  # type: ignore[override]
        """What a message says it must be."""
        return self.noun or listed(list(self.words))

    def parse(self, node: Scalar) -> StrEnum:
        """Return the member."""
        try:
            return self.words(node.text)
        except ValueError:
            pass
        meant = self.misnomers.get(node.text.lower())
        near = f"did you mean `{meant}`?" if meant else suggest_word(node.text, self.words)
        raise Rejected(hint=near or (f"there are {listed(list(self.words), 'and')}" if self.noun else None))


@dataclass(eq=False, repr=False)
class ListOf:
    """A list; a single value stands for a list of one. Equal values are refused. ``noun`` is a plural."""

    kind: Kind
    noun: str
    max_length: int = 100

    @property
    def label(self) -> str:
        """Short name for documents."""
        return f"list of {self.noun}"

    @property
    def expected(self) -> str:
        """What a message says it must be."""
        return f"a list of {self.noun}"

    def read(self, node: Value, path: str, problems: Problems) -> Any:
        """Return a tuple of the values, or INVALID if one is at fault."""
        if isinstance(node, Mapping):
            reject_shape(node, path, self.expected, problems)
            return INVALID
        if isinstance(node, Scalar):
            if node.is_null:
                reject_null(node, path, self.expected, problems)
                return INVALID
            one = self.kind.read(node, path, problems)
            return INVALID if one is INVALID else (one,)
        if len(node.items) > self.max_length:
            problems.report("out-of-range", f"`{path}` holds more than {self.max_length} values", node)
            return INVALID
        values: dict[Any, Value] = {}
        is_good = True
        for index, item in enumerate(node.items):
            value = self.kind.read(item, f"{path}[{index}]", problems)
            if value is INVALID:
                is_good = False
            elif value in values:
                is_good = False
                problems.report(
                    "duplicate-value",
                    f"`{path}` holds {quote(str(value))} twice",
                    item,
                    related=[(values[value], "first here")],
                )
            else:
                values[value] = item
        return tuple(values) if is_good else INVALID


@dataclass(eq=False, repr=False)
class Raw:
    """A value that is read later, when what it depends on is known. Documented by its words alone."""

    label: str
    expected: str
    allows_null: bool = False

    def read(self, node: Value, path: str, problems: Problems) -> Any:
        """Return the node itself."""
        if not self.allows_null and isinstance(node, Scalar) and node.is_null:
            reject_null(node, path, self.expected, problems)
            return INVALID
        return node


def suggest_word(text: str, words: Iterable[str]) -> str | None:
    """Return ``did you mean ...?`` for one of a few words, or None."""
    return did_you_mean(text.lower(), [str(word) for word in words]) if len(text) < 40 else None


def number_hint(node: Scalar) -> str | None:
    """Say why a text that looks like a number is none."""
    if not node.is_plain and read_float(node.text) is not None:
        return "remove the quotes"
    return yaml11(node.text)


def bool_hint(node: Scalar) -> str | None:
    """Say why a text that looks like a truth value is none."""
    if not node.is_plain and read_bool(node.text) is not None:
        return "remove the quotes"
    return yaml11(node.text)


def _no_duration(node: Scalar, expected: str, words: Words[str, float]) -> Rejected:
    text = node.text
    if read_float(text) is not None:
        is_sane = text.isascii() and text.isdecimal() and len(text) < 10
        hint = f"write `{text}s` if seconds are meant; " if is_sane else ""
        return Rejected(
            f"must be a duration, got the bare number {quote(text)}",
            hint=f"{hint}units are `ms`, `s`, `m`, `h`, `d` and `w`",
            label="no unit",
            code="bare-number",
        )
    meant = suggest_duration(text)
    near = yaml11(text) or suggest_word(text, words)
    return Rejected(
        f"must be {expected}, got {quote(text)}",
        hint=f"write `{meant}`" if meant else near or "write e.g. `500ms`, `30s`, `5m`, `1h30m`, `7d`",
        code="bad-duration",
    )
