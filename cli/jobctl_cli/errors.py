"""How the program ends badly: the one place that turns an exception into words on stderr and an exit code."""

from __future__ import annotations

import os
import time
import traceback
from typing import TYPE_CHECKING

from jobctl.durations import format_elapsed
from jobctl.errors import JobctlError, PayloadError
from jobctl_cli.environment import OutputFailed, ReaderGone
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.text import harmless, harmless_lines

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment
    from jobctl_cli.palette import Palette


def report(error: BaseException, env: Environment) -> int:
    """Say what went wrong, and return the exit code.

    An error of ours is told in the layout of compilers; anything else is a bug and says so. Tracebacks only with
    `--debug`.
    """
    if isinstance(error, KeyboardInterrupt):
        if env.is_debug:
            env.note("".join(traceback.format_exception(error)).rstrip())
        env.note(_interrupted(env))
        return ExitStatus.INTERRUPTED
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else ExitStatus.FAILED if error.code else ExitStatus.OK
    if isinstance(error, BrokenPipeError | ReaderGone):
        _close_stdout(env)
        return ExitStatus.BROKEN_PIPE
    if env.is_debug:
        env.note("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, OutputFailed):
        _close_stdout(env)
    if isinstance(error, JobctlError):
        env.note(paint(rendered(error), env.err))
        return error.exit_code
    env.note(paint(_unexpected(error, env), env.err))
    return ExitStatus.FAILED


def rendered(error: JobctlError) -> str:
    """Return the error as text: header, place, details, hint."""
    if (diagnostic := getattr(error, "diagnostic", None)) is not None:  # it has its source line
        shown: str = diagnostic.render()
        return shown
    if error.message.startswith("error["):
        summary = getattr(error, "summary", "")  # problems rendered already
        return f"{error.message}\n\n{summary}" if error.message.count("error[") > 1 else error.message
    if isinstance(error, PayloadError) and len(error.problems) > 1:
        lines = [f"error[{error.code}]: payload of `{error.job}` is not valid"]
        lines += [f"  `{path}` {problem}" for path, problem in error.problems]
    else:
        first, *more = harmless_lines(error.message) or [""]
        lines = [f"error[{error.code}]: {first}", *(f"  {line}" for line in more)]
    if error.location is not None:
        lines.insert(1, f" --> {error.location}")
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return "\n".join(lines)


def paint(shown: str, palette: Palette) -> str:
    """Return a rendered error with colours, if the stream takes them."""
    if not palette.is_on:
        return shown
    return "\n".join(_painted_line(line, palette) for line in shown.split("\n"))


def _painted_line(line: str, palette: Palette) -> str:
    for start, style in (
        ("error[", "bold red"),
        ("warning[", "bold yellow"),
        ("note:", "bold"),
        ("hint:", "bold green"),
    ):
        if line.startswith(start):
            head, colon, rest = line.partition(":")
            return palette(style, head + colon) + (palette("bold", rest) if start.endswith("[") else rest)
    margin, arrow, place = line.partition("--> ")
    if arrow and not margin.strip():
        return margin + palette("blue", arrow) + place
    number, bar, code = line.partition(" |")
    if bar and (not number.strip() or number.strip().isdigit()):
        if code.strip().startswith("^"):
            code = palette("red", code)
        return palette("blue", number + bar) + code
    return line


def _interrupted(env: Environment) -> str:
    """Return how far the command came."""
    came = "" if env.progress is None else f": {env.progress.stop()}"
    return f"interrupted after {format_elapsed(time.monotonic() - env.began_at)}{came}"


def _unexpected(error: BaseException, env: Environment) -> str:
    if isinstance(error, OSError) and error.strerror:  # a file that cannot be written, a full disk: no bug
        about = f"`{harmless(str(error.filename))}`: " if error.filename is not None else ""
        return f"error[system]: {about}{error.strerror}"
    lines = harmless_lines(str(error)) or ["no message"]
    shown = f"error[internal]: {type(error).__name__}: {lines[0]}"
    return shown if env.is_debug else f"{shown}\nhint: this is a bug of jobctl; `--debug` shows where it happened"


def _close_stdout(env: Environment) -> None:
    """Send what is left of our output nowhere, so that the interpreter's last flush does not complain."""
    try:
        descriptor = env.stdout.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
