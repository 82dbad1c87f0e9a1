"""Logging of `jobctl run`: lines for people on a terminal, JSON lines for machines. Always on stderr.

A record's facts are what its caller put in `extra`: everything that is no standard attribute of a log record.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobctl.worker.stamp import Stamp
from jobctl_cli.palette import LEVELS, Palette
from jobctl_cli.text import harmless, harmless_lines

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
MESSAGE_COLUMNS = 24  # facts begin at the same column behind short messages


def set_up(env: Environment, *, format: str, level: str, child: int | None = None) -> None:
    """Send all log records to stderr.

    Args:
        env: where stderr is.
        format: ``human``, ``json``, or ``auto``: human if a person looks at stderr.
        level: least level, such as ``info``.
        child: number of this process among the workers of a supervisor, a fact of every line.
    """
    is_human = format == "human" or (format == "auto" and env.stderr.isatty())
    handler = logging.StreamHandler(env.stderr)
    handler.setFormatter(HumanFormatter(env.err) if is_human else JsonFormatter())
    handler.addFilter(Stamp())
    if child is not None:
        handler.addFilter(lambda record: _number(record, child))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _number(record: logging.LogRecord, child: int) -> bool:
    vars(record).setdefault("child", child)
    return True


def facts(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each fact, in the caller's order."""
    return ((name, value) for name, value in vars(record).items() if name not in STANDARD)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (ISO 8601, UTC), level, logger, message, the facts, and the traceback as `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in facts(record):
            # a fact named like one of our own keys must not hide it
            line[f"{name}_" if name in line else name] = value
        if text := _traceback(self, record):
            line["traceback"] = text
        return json.dumps(line, ensure_ascii=False, default=str)


class HumanFormatter(logging.Formatter):
    """Time, level, message, then ``name=value`` for each fact; a traceback below, indented."""

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self._paint = palette

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or lines."""
        at = datetime.fromtimestamp(record.created).astimezone()
        level = self._paint(LEVELS.get(record.levelname, ""), f"{record.levelname.lower():<7}")
        message, *more = harmless_lines(record.getMessage()) or [""]
        shown = [f"{self._paint('dim', f'{name}=')}{fact(value)}" for name, value in facts(record)]
        head = f"{message:<{MESSAGE_COLUMNS}} " if shown else message
        lines = [f"{self._paint('dim', f'{at:%H:%M:%S}.{at.microsecond // 1000:03}')} {level} {head}{' '.join(shown)}"]
        if text := _traceback(self, record):
            more += harmless_lines(text)
        return "\n".join([*lines, *(self._paint("dim", f"    {line}") for line in more)])


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    """Return the traceback as text; a record from the process of an isolated job has it as text only."""
    return formatter.formatException(record.exc_info) if record.exc_info else record.exc_text


def fact(value: Any) -> str:
    """Return a fact as a line for people has it."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ",".join(f"{name}:{fact(inner)}" for name, inner in value.items()) or "{}"
    text = harmless(str(value))
    return json.dumps(text, ensure_ascii=False) if not text or any(c in text for c in ' "=') else text
