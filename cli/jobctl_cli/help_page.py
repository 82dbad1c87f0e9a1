"""Help pages: usage, what it does, options in groups, examples. Laid out here, for rich's own would cost 100 ms.

A command's docstring is its description, paragraph by paragraph; its `epilog` holds examples, one a line, with
comments behind `#`. `rich_help_panel` of commands and options names the heading they stand under.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from jobctl.durations import format_duration
from jobctl_cli import text

if TYPE_CHECKING:
    import typer
    from typer.core import TyperCommand, TyperGroup

    from jobctl_cli.environment import Environment
    from jobctl_cli.palette import Palette

MOST_COLUMNS = 100  # longer lines are hard to read
LEFT_COLUMNS = 28  # options longer than this have their text on the next line
OPTIONS = "Options"

Row = tuple[str, str]
_WORD = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")


def of_command(command: TyperCommand, ctx: typer.Context) -> str:
    """Return the page of a command that does something."""
    page = _Page(ctx.obj)
    page.usage(ctx.command_path, _pieces(command, ctx))
    page.paragraphs(command.help or "")
    page.sections(_options(command, ctx))
    page.examples(command.epilog)
    return page.text()


def of_group(
    group: TyperGroup,
    ctx: typer.Context,
    *,
    notes: Sequence[str] = (),
    contents: Mapping[str, Sequence[Row]] | None = None,
    sections: Mapping[str, Sequence[Row]] | None = None,
) -> str:
    """Return the page of a command with commands in it: like a table of contents.

    Args:
        group: the command.
        ctx: its context.
        notes: paragraphs after the commands.
        contents: heading -> commands, with what each is for; None = as the commands say themselves.
        sections: heading -> rows, at the end of the page.
    """
    page = _Page(ctx.obj)
    page.usage(ctx.command_path, [*_pieces(group, ctx), group.subcommand_metavar])
    page.paragraphs(group.help or "")
    page.sections(_contents(group, ctx) if contents is None else contents)
    for note in notes:
        page.paragraphs(note)
    page.sections(_options(group, ctx))
    page.examples(group.epilog)
    for heading, rows in (sections or {}).items():
        page.section(heading, rows)
    return page.text()


def _contents(group: TyperGroup, ctx: typer.Context) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is not None and not command.hidden:
            heading = getattr(command, "rich_help_panel", None) or "Commands"
            rows.setdefault(heading, []).append((name, command.get_short_help_str(limit=200).rstrip(".")))
    return rows


def _pieces(command: Any, ctx: typer.Context) -> list[str]:
    pieces = ["[OPTIONS]"] if command.get_params(ctx) else []
    for param in command.params:
        if param.param_type_name == "argument" and not param.hidden:
            name = param.metavar or param.name.upper()
            if param.nargs != 1 and not name.endswith("..."):
                name += "..."
            pieces.append(name if param.required else f"[{name}]")
    return pieces


def _options(command: Any, ctx: typer.Context) -> dict[str, list[Row]]:
    sections: dict[str, list[Row]] = {}
    for param in command.get_params(ctx):
        if getattr(param, "hidden", False):
            continue
        if param.param_type_name == "argument":
            if param.help:
                name = param.metavar or param.name.upper()
                sections.setdefault("Arguments", []).append((name, param.help))
            continue
        heading = getattr(param, "rich_help_panel", None) or OPTIONS
        sections.setdefault(heading, []).append((_names(param), _explained(param)))
    if OPTIONS in sections:
        sections[OPTIONS] = sections.pop(OPTIONS)  # what is the same everywhere stands last
    return sections


def _names(param: Any) -> str:
    opts = sorted(param.opts, key=len)
    names = ", ".join(opts)
    if not any(len(opt) == 2 for opt in opts):
        names = f"    {names}"
    if param.secondary_opts:
        names += " / " + ", ".join(param.secondary_opts)
    if not param.is_flag:
        names += f" {param.metavar or 'TEXT'}"
    return names


def meaning(param: Any) -> str:
    """Return what an option is for."""
    return "Show this page" if "--help" in param.opts else param.help or ""


def _explained(param: Any) -> str:
    marks = []
    if param.required:
        marks.append("required")
    elif shown := _default(param):
        marks.append(f"default: {shown}")
    return " ".join([meaning(param), *(f"[{mark}]" for mark in marks)]).strip()


def _default(param: Any) -> str:
    if isinstance(param.show_default, str):
        return param.show_default
    default = param.default
    if not param.show_default or default is None or isinstance(default, bool) or default in ((), []):
        return ""
    if isinstance(default, Enum):
        return str(default.value)
    if isinstance(default, float):
        return format_duration(default)
    return str(default)


def broken(command: str, width: int) -> list[str]:
    r"""Return a command line as lines of at most so many columns, as a shell takes them: broken at spaces, with a
    backslash. What is in quotes stays together, however long.

    Example:
        >>> broken("jobctl replay 'state=dead and age<1h' --dry-run", 40)
        ["jobctl replay 'state=dead and age<1h' \\", '--dry-run']
    """
    lines: list[str] = []
    line = ""
    for word in _WORD.findall(command):
        if line and text.columns(f"{line} {word} \\") > width:
            lines.append(f"{line} \\")
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


class _Page:
    """A page being written."""

    def __init__(self, env: Environment) -> None:
        self._paint: Palette = env.out
        self._width = min(env.size[0], MOST_COLUMNS)
        self._blocks: list[str] = []

    def text(self) -> str:
        return "\n\n".join(self._blocks) + "\n"

    def usage(self, path: str, pieces: Sequence[str]) -> None:
        line = " ".join([self._paint("bold", path), *pieces])
        self._blocks.append(f"{self._paint('bold', 'Usage:')} {line}")

    def paragraphs(self, description: str) -> None:
        """Add paragraphs; lines that begin with spaces stay as they are."""
        for paragraph in inspect.cleandoc(description).split("\n\n"):
            if paragraph.startswith("  "):
                self._blocks.append(paragraph)
            elif paragraph:
                self._blocks.append("\n".join(text.wrap(paragraph.replace("``", "`"), self._width)))

    def sections(self, rows_by_heading: Mapping[str, Sequence[Row]]) -> None:
        """Add sections whose columns stand below one another."""
        lefts = [left for rows in rows_by_heading.values() for left, _ in rows]
        for heading, rows in rows_by_heading.items():
            self.section(heading, rows, lefts)

    def section(self, heading: str, rows: Sequence[Row], lefts: Sequence[str] = ()) -> None:
        """Add two columns under a heading; the second begins behind all of ``lefts``, by default its own."""
        widths = [text.columns(left) for left in (lefts or [left for left, _ in rows])]
        indent = 2 + max((width for width in widths if width <= LEFT_COLUMNS), default=LEFT_COLUMNS) + 2
        lines = [self._paint("bold", heading)]
        for left, right in rows:
            wrapped = text.wrap(text.harmless(right), max(self._width - indent, 20))
            shown = "  " + self._paint("cyan", left)
            if wrapped and text.columns(left) + 4 <= indent:
                shown += " " * (indent - 2 - text.columns(left)) + wrapped.pop(0)
            lines += [shown, *(" " * indent + line for line in wrapped)]
        self._blocks.append("\n".join(lines))

    def examples(self, epilog: str | None) -> None:
        """Add the examples, their comments below one another."""
        if not epilog:
            return
        pairs = [line.partition("  #") for line in inspect.cleandoc(epilog).splitlines() if line.strip()]
        widest = max((text.columns(command.rstrip()) for command, mark, _ in pairs if mark), default=0)
        lines = [self._paint("bold", "Examples" if len(pairs) > 1 else "Example")]
        for command, mark, comment in pairs:
            beside = "  $ " + text.pad(command.rstrip(), widest) if mark else ""
            if mark and text.columns(f"{beside}  #{comment}") <= self._width:
                lines.append(beside + self._paint("dim", f"  #{comment}"))
                continue
            first, *more = broken(command.rstrip(), self._width - len("  $ "))
            lines += [self._paint("dim", f"  #{comment}")] if mark else []
            lines += [f"  $ {first}", *(f"      {line}" for line in more)]
        self._blocks.append("\n".join(lines))
