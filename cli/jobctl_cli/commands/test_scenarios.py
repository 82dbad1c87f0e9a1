"""`jobctl test scenarios`: jobs at simulated times, with outcomes that are given, and what is expected of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, SpecPath

if TYPE_CHECKING:
    from jobctl.testing.scenarios.model import Played
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl test scenarios/*.yaml
    jobctl test scenarios/                       # all files of a folder
    jobctl test scenarios/ --junit report.xml    # for a CI
    jobctl test scenarios/ --watch               # again whenever a file changes
"""
DEFAULT = "scenarios"
LOOK_S = 0.5


def scenarios(
    ctx: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Files or folders of scenarios", show_default=DEFAULT),
    ] = None,
    *,
    spec: SpecPath = None,
    junit: Annotated[
        str | None, typer.Option("--junit", metavar="FILE", help="Write the results as JUnit, too; replaces the file")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Run again when scenarios or specs change")] = False,
    output: Output = "table",
) -> None:
    """Play scenarios and compare what came of them with what they expect.

    No handler is called and no broker of yours is touched: outcomes are what the scenario says, the worker's own
    scripts decide the rest on a broker started for it, and the clock is stepped. Exit code 1 when one fails.
    """
    env: Environment = ctx.obj
    asked = paths or [DEFAULT]

    def once() -> bool:
        return _run(env, asked, spec, junit, output)

    if not watch:
        raise typer.Exit(0 if once() else 1)
    _watch(env, asked, spec, once)


def _run(env: Environment, paths: Sequence[str], spec: str | None, junit: str | None, output: str) -> bool:
    from jobctl.testing.scenarios.play import play
    from jobctl.testing.scenarios.reading import read_scenarios, scenario_files
    from jobctl.testing.scenarios.report import as_junit
    from jobctl_cli.screens import scenarios as screen
    from jobctl_cli.testing_extra import without_logs

    files = scenario_files(paths)
    read = [one for file in files for one in read_scenarios(file, spec or env.settings.spec)]
    played: list[Played] = []
    for one in read:
        with without_logs():
            played.append(play(one))
        screen.show_progress(env, output, played[-1])
    if junit is not None:
        _write(junit, as_junit(played))
    screen.show(env, output, played)
    return not any(one.mismatches for one in played)


def _write(path: str, text: str) -> None:
    from jobctl.errors import UsageError

    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"`--junit`: `{path}` cannot be written: {error.strerror}") from None


def _watch(env: Environment, paths: Sequence[str], spec: str | None, once: Callable[[], bool]) -> None:
    """Run, and again after each change, until interrupted. What cannot be read is told, and waited for."""
    from jobctl.errors import JobctlError
    from jobctl.testing.specs import forget_plans
    from jobctl.worker.watch import spec_files, stamps_of
    from jobctl_cli.errors import report

    watched = [Path(path) for path in (*paths, spec or env.settings.spec)]
    known = None
    while True:
        found = stamps_of(file for path in watched for file in spec_files(path))
        if found == known:
            time.sleep(LOOK_S)
            continue
        if known is not None:
            env.note("note: a file has changed")
        known = found
        forget_plans()
        try:
            once()
        except JobctlError as error:
            report(error, env)
