"""Errors as text: what is kept of a failure in a job's record."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from jobctl.records import ERROR_LIMIT

WORKER = str(Path(__file__).parent)


def traceback_text(error: BaseException) -> str:
    """Return the traceback from the handler on, its end kept when it is long: the cause stands last."""
    lines = traceback.format_exception(type(error), error, _from_handler(error.__traceback__))
    text = encodable("".join(lines)).rstrip()
    return text if len(text) <= ERROR_LIMIT else "…" + text[-ERROR_LIMIT:]


def _from_handler(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the worker's own frames before the handler's; an error of the worker's own keeps them all."""
    inner = trace
    while inner is not None and inner.tb_frame.f_code.co_filename.startswith(WORKER):
        inner = inner.tb_next
    return inner if inner is not None else trace


def encodable(text: str) -> str:
    """Return text with what UTF-8 cannot hold escaped: names of files, for instance, may come as any bytes."""
    return text.encode(errors="backslashreplace").decode()


def text_of(error: BaseException) -> str:
    """Return what an error says of itself; an application's own class may fail at that."""
    try:
        return encodable(str(error))
    except Exception as broken:
        return f"{type(error).__name__}, whose text cannot be had: {type(broken).__name__}"


def with_cause(error: BaseException, default: str) -> str:
    """Return what the error says, or else the default, around the traceback of its cause if it has one."""
    text = text_of(error) or default
    return f"{text}\n\n{traceback_text(error.__cause__)}\n\n{text}" if error.__cause__ else text


def last_line(text: str) -> str:
    """Return the line of a traceback that says what happened, 300 characters at most."""
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""
