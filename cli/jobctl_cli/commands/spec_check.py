"""`jobctl spec check`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.flags import FORMATS, Path, one_of, reads

if TYPE_CHECKING:
    from jobctl.spec import Diagnostic, Spec
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl spec check jobspecs/
    jobctl spec check jobspecs/ --strict         # warnings fail as well
    jobctl spec check jobspecs/ -o json          # for editors
    jobctl spec check jobspecs/ -o github        # annotations of a CI run
    jobctl spec check --no-handlers jobspecs/    # import nothing
"""
GITHUB = "github"


def check(
    ctx: typer.Context,
    *,
    path: Path = None,
    handlers: Annotated[
        bool, typer.Option("--handlers/--no-handlers", help="Import the handlers and compare their signatures")
    ] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for problems: exit code 3")] = False,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FORMAT",
            help=f"{', '.join(FORMATS)} or {GITHUB}",
            callback=reads(one_of(*FORMATS, GITHUB)),
        ),
    ] = "table",
) -> None:
    """Report every problem of the specs at once.

    Each problem has its place, the line with a caret, a code and a hint. Handlers are imported, with the current
    folder in front of the search path, and their signatures compared with the declared payloads. Exit code 3 on any
    problem.

    What is valid and yet most likely not meant is warned of. A spec silences a warning with
    `lint: {ignore: [CODE]}`, under a job or at the top level of a file.
    """
    from jobctl.clock import utc
    from jobctl.compiler import check as find_problems
    from jobctl.compiler import lint
    from jobctl.spec import SpecErrors
    from jobctl_cli.output import emit
    from jobctl_cli.search_path import with_current_folder

    env: Environment = ctx.obj
    with_current_folder()
    spec, problems = find_problems(path or env.settings.spec, handlers=handlers)
    # a value at fault has been replaced by its default, of which nothing can be said
    warnings = [] if problems else lint(spec, now=utc(env.clock.time()), are_handlers_known=handlers)
    is_ok = not problems and not (strict and warnings)
    found = [*problems, *warnings]
    if output == GITHUB:
        for diagnostic in found:
            env.print(_annotation(diagnostic))
    elif problems and output == "table":
        raise SpecErrors(problems)
    else:
        if output == "table":
            _warn(env, warnings)
        data = {
            "ok": is_ok,
            "problems": [_plain(problem) for problem in problems],
            "warnings": [_plain(warning) for warning in warnings],
        }
        emit(
            env,
            output,
            data,
            table=lambda: _summary(env, spec, len(warnings)) if is_ok else "",
            names=lambda: [str(diagnostic.location) for diagnostic in found],
        )
    if not is_ok:
        raise typer.Exit(ExitStatus.SPEC_INVALID)


def _warn(env: Environment, warnings: Sequence[Diagnostic]) -> None:
    from jobctl_cli.errors import paint

    for warning in warnings:
        env.note(paint(warning.render(), env.err) + "\n")


def _summary(env: Environment, spec: Spec, warnings: int) -> str:
    from jobctl_cli.text import plural

    schedules = sum(len(job.cron) for job in spec.jobs)
    parts = [plural(len(spec.jobs), "job"), plural(len(spec.queues), "queue"), plural(schedules, "schedule")]
    told = f", {plural(warnings, 'warning')}" if warnings else ""
    return f"{env.out('green', 'ok')}: {', '.join(parts)} in {plural(len(spec.files), 'file')}{told}"


def _plain(problem: Diagnostic) -> dict[str, Any]:
    place = problem.location
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "hint": problem.hint,
        "related": [
            {"file": other.file, "line": other.line, "column": other.column, "message": text}
            for other, text in problem.related
        ],
    }


def _annotation(problem: Diagnostic) -> str:
    """Return a problem as a workflow command, which GitHub shows beside the line."""
    place = problem.location
    properties: dict[str, Any] = {}
    if place is not None:
        properties = {
            "file": place.file,
            "line": place.line,
            "col": place.column,
            "endColumn": place.column + problem.width,
        }
    properties["title"] = problem.code
    notes = [problem.message, *(f"{other}: {text}" for other, text in problem.related)]
    if problem.hint:
        notes.append(f"hint: {problem.hint}")
    told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{problem.severity} {told}::{_data(chr(10).join(notes))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
