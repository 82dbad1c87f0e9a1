"""`jobctl enqueue --file`: many jobs from lines of JSON. All lines are checked before the first job is enqueued."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from jobctl.durations import parse_duration
from jobctl.errors import JobctlError, Location, UsageError
from jobctl.names import did_you_mean
from jobctl_cli import session
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.flags import instant
from jobctl_cli.progress import Progress
from jobctl_cli.screens import bulk as screen
from jobctl_cli.text import plural

if TYPE_CHECKING:
    from jobctl.client import NewJob
    from jobctl.compiler.plan import Plan
    from jobctl_cli.environment import Environment

SHOWN_PROBLEMS = 20
IN_MEMORY = 8 * 1024 * 1024  # bytes of stdin; a longer one waits in a temporary file
OPTIONS = ("queue", "in", "at", "retries", "timeout", "retention", "key", "unique", "tags")
FIELDS = ("job", "payload", *OPTIONS)


class BadLines(UsageError):
    """Lines of a file of jobs that cannot be enqueued; its text is all of them rendered."""

    code = "file.invalid"
    summary = ""


class BadLine(ValueError):
    """A line that is no job.

    Attributes:
        column: where in it, from 1.
    """

    def __init__(self, message: str, column: int = 1) -> None:
        super().__init__(message)
        self.column = column


def enqueue_file(env: Environment, plan: Plan, name: str, output: str) -> ExitStatus:
    """Enqueue the jobs of a file.

    Args:
        env: where to read stdin, and to write.
        plan: the compiled spec.
        name: path of the file, or ``-`` for stdin.
        output: form of the summary.

    Returns:
        FAILED if jobs were refused as duplicates, else OK.

    Raises:
        BadLines: lines are wrong; nothing has been enqueued.
    """
    from jobctl.client import BlockingClient

    with _opened(env, name) as file:
        progress = Progress(env, "checked")
        try:
            total = check(plan, "stdin" if name == "-" else name, file, progress.show)
        finally:
            progress.clear()
        file.seek(0)
        numbers: list[int] = []

        def jobs() -> Iterator[NewJob]:
            for number, line in lines(file):
                numbers.append(number)
                yield read_line(line)

        outcome = screen.Outcome()
        progress = Progress(env, "enqueued", total)
        with session.broker(env) as url, BlockingClient(plan, url) as client:
            try:
                for batch in client.enqueue_stream(jobs()):
                    for answer in batch:
                        outcome.add(numbers[outcome.count], answer)
                    progress.show(outcome.count)
            except JobctlError as error:
                # lines were sound, so the broker failed: what was stored before it is stored
                done = f"{plural(outcome.count, 'job')} of {total:,} had been enqueued before"
                error.hint = f"{done}; {error.hint}" if error.hint else done
                raise
            finally:
                progress.clear()
    screen.show(env, output, outcome)
    return ExitStatus.FAILED if outcome.refused else ExitStatus.OK


def check(plan: Plan, name: str, file: IO[bytes], tell: Callable[[int], None]) -> int:
    """Check all lines, and return how many jobs they hold.

    Args:
        plan: the compiled spec.
        name: of the file, for messages.
        file: the lines.
        tell: is told after each line how many were sound so far.

    Raises:
        BadLines: with every problem, each at its line.
    """
    from jobctl.client import Preparer
    from jobctl.spec import Diagnostic

    preparer = Preparer(plan)
    total = 0
    problems: list[Diagnostic] = []
    for number, line in lines(file):
        try:
            preparer.prepare(read_line(line))
            total += 1
            tell(total)
        except (JobctlError, ValueError) as error:
            problems.append(
                Diagnostic(
                    code=getattr(error, "code", "file.line"),
                    message=getattr(error, "message", str(error)),
                    # without the line itself: what is secret in it is known only once it is understood
                    location=Location(name, number, getattr(error, "column", 1)),
                    hint=getattr(error, "hint", None),
                )
            )
    if problems:
        raise _bad_lines(problems)
    return total


def lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the text of each line that holds something."""
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield number, line.strip()


def read_line(line: bytes) -> NewJob:
    """Read one line.

    Raises:
        ValueError: it is no job; the message says why.
    """
    from jobctl.client import NewJob

    try:
        fields = json.loads(line)
    except ValueError as error:
        raise BadLine(f"not JSON: {getattr(error, 'msg', error)}", getattr(error, "colno", 1)) from None
    if not isinstance(fields, dict):
        raise BadLine("not a JSON object")
    for name in fields:
        if name not in FIELDS:
            raise UsageError(
                f"a job has no `{name}`",
                code="file.line",
                hint=did_you_mean(name, FIELDS) or f"it may have {', '.join(FIELDS)}",
            )
    job = fields.get("job")
    payload = fields.get("payload") or {}
    if not isinstance(job, str):
        raise BadLine("`job` is missing" if job is None else "`job` is no text")
    if not isinstance(payload, dict):
        raise BadLine("`payload` is no object")
    return NewJob(job, payload, **_options(fields))


def _options(fields: dict[str, Any]) -> dict[str, Any]:
    given = {name: fields[name] for name in OPTIONS if fields.get(name) is not None}
    for name, value in given.items():
        if name in ("in", "timeout", "retention"):
            given[name] = parse_duration(_text(name, value, "a duration such as `5m`"))
        elif name == "at":
            given[name] = instant(_text(name, value, "a time such as `2026-01-31T09:00Z`"))
        elif name in ("queue", "key"):
            _text(name, value, "a text")
        elif name == "tags" and not (isinstance(value, list) and all(isinstance(tag, str) for tag in value)):
            raise BadLine("`tags` is no list of texts")
        elif name == "unique" and not isinstance(value, bool):
            raise BadLine("`unique` is neither true nor false")
    if "in" in given:
        given["delay"] = given.pop("in")
    return given


def _text(name: str, value: Any, expected: str) -> str:
    if not isinstance(value, str):
        raise BadLine(f"`{name}` is `{json.dumps(value)}`, and not {expected}")
    return value


def _bad_lines(problems: list[Any]) -> BadLines:
    shown = [problem.render() for problem in problems[:SHOWN_PROBLEMS]]
    if left := len(problems) - len(shown):
        shown.append(f"... and {plural(left, 'more line')}")
    error = BadLines("\n\n".join(shown))
    error.summary = f"{plural(len(problems), 'bad line')}; nothing was enqueued"
    return error


@contextmanager
def _opened(env: Environment, name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as copy:
            for line in env.stdin:
                copy.write(line.encode())
            copy.seek(0)
            yield copy
        return
    try:
        with Path(name).open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(
            f"`{name}` cannot be read: {error.strerror}", code="file.unreadable", hint="give a file, or - for stdin"
        ) from error
