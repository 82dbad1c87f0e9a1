"""What a YAML parser complains about, in words that say what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from jobctl.spec.diagnostics import quote
from jobctl.spec.source import SourceFile

INDENT_HINT = "keys of one mapping start in the same column; a nested one starts further right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A syntax error and its place. Lines and columns count from 1."""

    line: int
    message: str
    column: int = 1
    width: int = 1
    code: str = "yaml"
    hint: str | None = None
    label: str = ""


def explain(source: SourceFile, error: Any) -> Fault:
    """Translate a parser's error (a ``yaml.MarkedYAMLError``); libyaml and pure Python word them differently."""
    problem, context = str(error.problem or ""), str(error.context or "")
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    opened = error.context_mark or mark
    text = source.line(line)
    at = text[column - 1 : column]

    if "\t" in text[: len(text) - len(text.lstrip())] or at == "\t":
        tab = text.index("\t") + 1
        return Fault(
            code="tab", line=line, column=tab, message="a tab is used as indentation",
            hint="YAML indents with spaces; two per level", label="tab",
        )  # fmt: skip
    if "scanning an alias" in context or "scanning an anchor" in context:
        return _unquoted(source, opened.line + 1, opened.column + 1)
    if "cannot start any token" in problem:
        return _unquoted(source, line, column)
    if "unexpected end of stream" in problem and "quoted" in context:
        return _open(opened, "this quote is never closed", "add the closing quote")
    if "flow sequence" in context:
        return _open(opened, "this `[` is never closed", f"add `]`; the parser gave up at line {line}")
    if "flow mapping" in context:
        return _open(opened, "this `{` is never closed", f"add `}}`; the parser gave up at line {line}")
    if "unknown escape character" in problem:
        # libyaml points at the backslash, pure Python behind it
        slash = column if at == "\\" else column - 1
        return Fault(
            line=line, column=slash, width=2, code="yaml",
            message=f"{quote(text[slash - 1 : slash + 1])} is no escape in double quotes",
            hint="use single quotes, in which a backslash is just a backslash",
        )  # fmt: skip
    if "unexpected ':'" in problem:
        return Fault(
            line=line, column=column, message="a colon must be followed by a space here", hint="write `key: value`"
        )
    if "mapping values are not allowed" in problem:
        return _misplaced_colon(source, line, column)
    if "could not find expected ':'" in problem:
        return _without_colon(source, opened.line + 1, opened.column + 1)
    if "sequence entries are not allowed" in problem:
        return Fault(
            line=line, column=column, message="a list cannot start here",
            hint="put each `- item` on a line of its own, or write `[a, b]`",
        )  # fmt: skip
    if "'-' indicator" in problem or ("block collection" in context and "<block end>" in problem):
        return Fault(
            line=line, column=column, message="this is no item of the list that it stands in",
            hint="begin it with `- `, or indent it less",
        )  # fmt: skip
    if "block mapping" in context:
        return _no_key(text, line, column)
    if "node content" in problem:
        return Fault(line=line, column=column, message=f"{quote(at)} opens nothing and closes nothing here")
    return Fault(line=line, column=column, message=f"YAML cannot be read here: {problem or context}")


def _open(mark: Any, message: str, hint: str) -> Fault:
    return Fault(line=mark.line + 1, column=mark.column + 1, message=message, hint=hint, label="opened here")


def _unquoted(source: SourceFile, line: int, column: int) -> Fault:
    """Explain a value that begins with a character YAML keeps for itself: ``*/15 * * * *``, ``@hourly``, ``%d``."""
    rest = source.line(line)[column - 1 :].split(" #")[0].rstrip()
    return Fault(
        code="unquoted",
        line=line,
        column=column,
        width=max(len(rest), 1),
        message=f"a value that begins with {quote(rest[:1])} must be quoted",
        hint=f'write `"{rest}"`' if rest and '"' not in rest and len(rest) < 60 else "put it in quotes",
        label="YAML keeps this character for itself",
    )


def _misplaced_colon(source: SourceFile, line: int, column: int) -> Fault:
    text = source.line(line)
    before = text[: column - 1]
    if key := re.match(r"\s*(?:- )?[\w.-]+\s*:\s+(?=\S)", before):
        value = text[key.end() :].rstrip()
        return Fault(
            code="unquoted", line=line, column=column, message="a value that holds `: ` must be quoted",
            hint=f'write `"{value}"`' if '"' not in value and len(value) < 60 else "put it in quotes",
        )  # fmt: skip
    return Fault(
        code="indentation", line=line, column=len(text) - len(text.lstrip()) + 1, width=len(before.strip()) or 1,
        message=f"key {quote(before.strip())} is indented deeper than its neighbours", hint=INDENT_HINT,
    )  # fmt: skip


def _without_colon(source: SourceFile, line: int, column: int) -> Fault:
    text = source.line(line)[column - 1 :].rstrip()
    if re.match(r"[\w-]+:(?=\S)", text):
        hint = "put a space behind the colon"
    elif source.line(line - 1).lstrip().startswith("- "):
        hint = "begin it with `- ` if it is an item of the list above"
    else:
        hint = "add a colon and a value, or indent it as part of the text above"
    return Fault(
        line=line, column=column, width=max(len(text), 1), message=f"{quote(text)} is no `key: value`", hint=hint,
    )  # fmt: skip


def _no_key(text: str, line: int, column: int) -> Fault:
    start = len(text) - len(text.lstrip()) + 1
    if column == start:
        return Fault(
            code="indentation", line=line, column=column, width=len(text.split(":", maxsplit=1)[0].strip()) or 1,
            message="this line is indented like no mapping above it", hint=INDENT_HINT,
        )  # fmt: skip
    rest = text[column - 1 :].rstrip()
    return Fault(
        line=line, column=column, width=max(len(rest), 1),
        message=f"{quote(rest)} follows a value that is already complete",
        hint="quote the whole value, or remove what follows it",
    )  # fmt: skip
