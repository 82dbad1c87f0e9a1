"""From text to expression. Whatever the text, the answer is an expression or a `FilterError` that says where and why.

filter    = both { "or" both }
both      = one { ["and"] one }
one       = "not" one | "(" filter ")" | condition
condition = FIELD OP value { "," value }
OP        = "=" | "!=" | "~" | "!~" | "<" | "<=" | ">" | ">="
value     = word | "quoted" | 'quoted'
"""

from __future__ import annotations

import re
from typing import NoReturn

from jobctl.inspector.filters.expression import BARE, WORDS, Condition, Expression, Not, Value, all_of, any_of
from jobctl.inspector.filters.fields import FIELDS, check_value, find_field, unknown_field_hint
from jobctl.inspector.filters.problem import FilterError
from jobctl.names import nearest
from jobctl.records import JobState
from jobctl.spec.diagnostics import listed, quote

LONGEST = 20_000  # characters
DEEPEST = 50  # parentheses and `not` within each other
_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[^\s()=~<>!,\"']+")
_OP = re.compile(r"!=|!~|<=|>=|[=~<>]")
_QUOTED = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL), "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_INSTEAD = {"==": "=", "&&": "and", "||": "or", "&": "and", "|": "or", "!": "not", "=~": "~", "<>": "!=", ":": "="}


def parse(text: str) -> Expression | None:
    """Return what a filter says, or None for an empty one, which matches every job.

    Raises:
        FilterError: it cannot be read.
    """
    if len(text) > LONGEST:
        raise FilterError(
            f"the filter has {len(text):,} characters", text="", at=0, hint=f"one may have {LONGEST:,}; use wildcards"
        )
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression | None:
        self._skip()
        if self._has_ended():
            return None
        found = self._either()
        if not self._has_ended():  # only a `)` stops it
            self._fail("this `)` closes nothing", self._at)
        return found

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._take_word("or"):
            parts.append(self._both())
        return any_of(*parts)

    def _both(self) -> Expression:
        parts = [self._one()]
        while not self._has_ended() and self._text[self._at] != ")" and self._peek_word() != "or":
            self._take_word("and")
            parts.append(self._one())
        return all_of(*parts)

    def _one(self) -> Expression:
        start = self._at
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail(f"more than {DEEPEST} levels within each other", start)
        found: Expression
        if self._take_word("not"):
            found = Not(self._one())
        elif self._text.startswith("(", self._at):
            self._move(self._at + 1)
            found = self._either()
            if not self._text.startswith(")", self._at):
                self._fail("this `(` is not closed", start)
            self._move(self._at + 1)
        else:
            found = self._condition()
        self._depth -= 1
        return found

    def _condition(self) -> Condition:
        start = self._at
        name = self._name()
        field = find_field(name)
        if field is None and name.lower() in FIELDS:
            name = name.lower()
            field = FIELDS[name]
        op_match = _OP.match(self._text, self._at)
        if op_match is None:
            self._no_operator(name, start)
        if field is None:
            hint = unknown_field_hint(name)
            self._fail(f"a job has no field {quote(name)}", start, len(name), hint=hint, code="filter.unknown-field")
        op, op_at = op_match[0], self._at
        self._move(op_match.end())
        if op not in field.kind.ops:
            self._fail(
                f"`{name}` cannot be compared by `{op}`", op_at, len(op), hint=f"it takes {listed(field.kind.ops)}"
            )
        values: list[Value] = []
        while True:
            at = self._at
            value = self._value(name, op_at, op)
            try:
                check_value(field, op, value)
            except ValueError as error:
                more = getattr(error, "hint", None)
                self._fail(f"`{name}`: {error}", at, len(str(value)), hint=more, code="filter.value")
            values.append(value)
            if not self._text.startswith(",", self._at):
                break
            if op.strip("!") not in ("=", "~"):
                self._fail(f"`{op}` takes one value", self._at, hint=f"write `{name}{op}{values[0]}`")
            self._move(self._at + 1)
        return Condition(name, op, tuple(values), start)

    def _name(self) -> str:
        match = _NAME.match(self._text, self._at)
        if match is None or match[0].lower() in WORDS:
            self._no_condition()
        self._move(match.end())
        return match[0]

    def _value(self, name: str, op_at: int, op: str) -> Value:
        at = self._at
        hint: str | None
        if self._has_ended():
            self._fail(f"`{name}{op}` lacks a value", op_at, len(op), hint='an empty text is written `""`')
        if quoted := _QUOTED.get(self._text[at]):
            match = quoted.match(self._text, at)
            if match is None:
                self._fail("this text does not end", at, hint=f"close it with `{self._text[at]}`")
            self._move(match.end())
            return Value(_ESCAPED.sub(r"\1", match[1]), is_quoted=True)
        match = BARE.match(self._text, at)
        if match is None:
            wrong = re.compile(r"[=~<>!]+").match(self._text, at)
            if wrong is not None:
                doubled = op + wrong[0]
                meant = _INSTEAD.get(doubled)
                hint = f"did you mean `{meant}`?" if meant else "put a value with such characters into quotes"
                self._fail(f"there is no operator `{doubled}`", op_at, len(doubled), hint=hint)
            self._fail(f"`{name}{op}` lacks a value", at, hint='an empty text is written `""`')
        self._move(match.end())
        return Value(match[0])

    def _no_condition(self) -> NoReturn:
        at, rest = self._at, self._text[self._at :]
        if not rest:
            self._fail("the filter ends where a condition should stand", max(len(self._text.rstrip()) - 1, 0))
        if word := _NAME.match(rest):
            self._fail(f"a condition should stand before `{word[0]}`", at, len(word[0]), hint=_EXAMPLE)
        symbol = re.match(r"&&|\|\||[!=~<>]+|.", rest, re.DOTALL)
        found = symbol[0] if symbol else rest[:1]
        meant = _INSTEAD.get(found)
        self._fail(
            f"a condition cannot begin with {quote(found)}",
            at,
            len(found),
            hint=f"did you mean `{meant}`?" if meant else _EXAMPLE,
        )

    def _no_operator(self, name: str, start: int) -> NoReturn:
        hint: str | None
        if name in _INSTEAD:
            self._fail(f"`{name}` is no part of the language", start, len(name), hint=f"write `{_INSTEAD[name]}`")
        field, colon, value = name.partition(":")
        if colon and field in FIELDS:
            hint = f"write `{field}={value}`"
        elif name in set(JobState):
            hint = f"did you mean `state={name}`?"
        elif find_field(name):
            hint = f"write e.g. `{FIELDS[name].example if name in FIELDS else name + '=7'}`"
        elif meant := nearest(name.lower(), WORDS) or nearest(name.lower(), FIELDS):
            hint = f"did you mean `{meant}`?"
        else:
            hint = _EXAMPLE
        self._fail(f"{quote(name)} is no condition: an operator should follow", start, len(name), hint=hint)

    def _take_word(self, word: str) -> bool:
        if self._peek_word() != word:
            return False
        self._move(self._at + len(word))
        return True

    def _peek_word(self) -> str:
        """Return the word that stands here in lower case, if it is one of the language; `or=1` is none."""
        match = _NAME.match(self._text, self._at)
        if match is None or match[0].lower() not in WORDS:
            return ""
        behind = _SPACE.match(self._text, match.end())
        is_field = behind is not None and _OP.match(self._text, behind.end())
        return "" if is_field else match[0].lower()

    def _has_ended(self) -> bool:
        return self._at >= len(self._text)

    def _move(self, at: int) -> None:
        self._at = at
        self._skip()

    def _skip(self) -> None:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at

    def _fail(
        self, message: str, at: int, width: int = 1, *, hint: str | None = None, code: str = "filter.syntax"
    ) -> NoReturn:
        error = FilterError(message, text=self._text, at=at, width=width, hint=hint)
        error.code = code
        raise error


_EXAMPLE = "write e.g. `state=dead and age<1h`"
