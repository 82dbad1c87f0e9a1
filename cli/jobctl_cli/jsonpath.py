"""JSONPath templates as kubectl users write them: `-o jsonpath='{range [*]}{.key}{"\\t"}{.state}{"\\n"}{end}'`. Pure.

A template is text with parts in braces: a path, a quoted text, or `range PATH` ... `end`. Without braces it is one
path. Paths know `.name`, `['name']`, `..name`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `.*` and `[?(@.state=="dead")]`. What
is not there is nothing; several values stand with spaces between them; objects and lists are JSON.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

Step = Callable[[Any], Iterator[Any]]
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"\s*(range|end)\b")
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_SLICE = re.compile(r"\[\s*(-?\d{1,9})?\s*(:)?\s*(-?\d{1,9})?\s*\]")
_NUMBER = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?")
_COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_LITERALS = {"true": True, "false": False, "null": None}
DEEPEST = 20  # ranges within ranges


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from a value to the values it leads to."""

    steps: tuple[Step, ...]

    def find(self, value: Any) -> list[Any]:
        """Return what the path leads to."""
        found = [value]
        for step in self.steps:
            found = [inner for each in found for inner in step(each)]
        return found


@dataclass(frozen=True, slots=True)
class Range:
    """Parts that are repeated for every value of a path."""

    path: Path
    parts: tuple[Part, ...]


Part = str | Path | Range


def parse(template: str) -> tuple[Part, ...]:
    """Read a template.

    Raises:
        ValueError: it is none; the message says where and why.
    """
    if "{" not in template:
        return (_Reader(template).whole_path(),)
    return _Reader(template).template()


def render(parts: Sequence[Part], data: Any) -> str:
    """Return data as a template shows it."""
    text = ""
    for part in parts:
        match part:
            case str():
                text += part
            case Path():
                text += " ".join(_as_text(value) for value in part.find(data))
            case Range():
                text += "".join(render(part.parts, value) for value in part.path.find(data))
    return text


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def whole_path(self) -> Path:
        if not self._text.startswith((".", "[", "$", "@")):
            self._text = "." + self._text
        found = self._path()
        if self._at < len(self._text):
            self._fail("a step should begin here")
        return found

    def template(self, depth: int = 0) -> tuple[Part, ...]:
        """Read parts up to the end of the text, or of the range they stand in."""
        if depth > DEEPEST:
            self._fail(f"more than {DEEPEST} ranges within each other")
        parts: list[Part] = []
        while self._at < len(self._text):
            brace = self._text.find("{", self._at)
            literal = self._text[self._at : brace if brace >= 0 else len(self._text)]
            if literal:
                parts.append(literal)
            self._at += len(literal)
            if brace < 0:
                break
            opened_at = self._at
            self._at += 1
            word = _WORD.match(self._text, self._at)
            if word is not None and word[1] == "end":
                if depth == 0:
                    self._fail("this `end` ends no `range`")
                self._at = word.end()
                self._close(opened_at)
                return tuple(parts)
            if word is not None:
                self._at = word.end()
                self._space()
                path = self._path()
                self._close(opened_at)
                parts.append(Range(path, self.template(depth + 1)))
            else:
                self._space()
                string = _STRING.match(self._text, self._at)
                if string is not None:
                    self._at = string.end()
                    parts.append(_unquoted(string[0]))
                else:
                    parts.append(self._path())
                self._close(opened_at)
        if depth:
            self._fail("a `range` lacks its `{end}`")
        return tuple(parts)

    def _path(self) -> Path:
        if self._text.startswith(("$", "@"), self._at):
            self._at += 1
        steps: list[Step] = []
        start = self._at
        while self._at < len(self._text) and self._text[self._at] in ".[":
            steps.append(self._step(is_first=not steps))
        if self._at == start and self._text[start - 1 : start] not in ("$", "@"):
            self._fail("a path should stand here, such as `.key`")
        return Path(tuple(steps))

    def _step(self, *, is_first: bool) -> Step:
        if self._text.startswith("..", self._at):
            self._at += 2
            return _descendants(self._name())
        if self._text.startswith(".*", self._at):
            self._at += 2
            return _each
        if self._text.startswith(".[", self._at) or self._text == ".":
            self._at += 1
            return self._bracket() if self._at < len(self._text) else _itself
        if self._text.startswith(".", self._at):
            self._at += 1
            if self._at >= len(self._text) or self._text[self._at] == "}":
                return _itself
            return _member(self._name(), is_first=is_first)
        return self._bracket()

    def _bracket(self) -> Step:
        if self._text.startswith("[*]", self._at):
            self._at += 3
            return _each
        if self._text.startswith("[?(", self._at):
            return self._filter()
        slice_ = _SLICE.match(self._text, self._at)
        if slice_ is not None and (slice_[1] is not None or slice_[2]):
            self._at = slice_.end()
            first, last = (None if text is None else int(text) for text in (slice_[1], slice_[3]))
            return _slice(slice(first, last)) if slice_[2] else _item(first or 0)
        string = _STRING.match(self._text, self._at + 1)
        if string is None or not self._text.startswith("]", string.end()):
            self._fail("`[` goes on with `*]`, a number, `1:3]`, `'name']` or `?(`")
        self._at = string.end() + 1
        return _member(_unquoted(string[0]), is_first=False)

    def _filter(self) -> Step:
        self._at += 3
        self._space()
        path = self._path()
        self._space()
        op = next((op for op in _COMPARE if self._text.startswith(op, self._at)), None)
        wanted: Any = None
        if op is not None:
            self._at += len(op)
            self._space()
            wanted = self._literal()
            self._space()
        if not self._text.startswith(")]", self._at):
            self._fail("a condition ends with `)]`")
        self._at += 2
        return _matching(path, op, wanted)

    def _literal(self) -> Any:
        if string := _STRING.match(self._text, self._at):
            self._at = string.end()
            return _unquoted(string[0])
        if number := _NUMBER.match(self._text, self._at):
            self._at = number.end()
            return float(number[0])
        word = _NAME.match(self._text, self._at)
        if word is None or word[0] not in _LITERALS:
            self._fail("a text in quotes, a number, `true`, `false` or `null` should stand here")
        self._at = word.end()
        return _LITERALS[word[0]]

    def _name(self) -> str:
        name = _NAME.match(self._text, self._at)
        if name is None:
            self._fail("a name should stand here")
        self._at = name.end()
        return name[0]

    def _close(self, opened_at: int) -> None:
        self._space()
        if not self._text.startswith("}", self._at):
            if self._at >= len(self._text):
                self._at = opened_at
                self._fail("this `{` is not closed")
            self._fail("a `}` should stand here")
        self._at += 1

    def _space(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _fail(self, message: str) -> NoReturn:
        raise ValueError(f"`{self._text[:60]}`, character {self._at + 1}: {message}")


def _itself(value: Any) -> Iterator[Any]:
    yield value


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _member(name: str, *, is_first: bool) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]
        elif is_first and name == "items" and isinstance(value, list):
            yield value  # kubectl's lists have their things under `items`; ours are the list

    return step


def _item(index: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _slice(part: slice) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from value[part]

    return step


def _descendants(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]
        for inner in _each(value):
            yield from step(inner)

    return step


def _matching(path: Path, op: str | None, wanted: Any) -> Step:
    def holds(value: Any) -> bool:
        found = path.find(value)
        if op is None:
            return bool(found)
        try:
            return bool(found) and bool(_COMPARE[op](found[0], wanted))
        except TypeError:  # a text and a number, say: neither is greater
            return False

    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            yield from filter(holds, value)

    return step


def _unquoted(text: str) -> str:
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    return re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[1]), text[1:-1])


def _as_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
    return json.dumps(value, ensure_ascii=False, default=str)
