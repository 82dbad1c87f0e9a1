"""`jobctl spec check` and `jobctl spec plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.flags import Output, reads, whole_number

if TYPE_CHECKING:
    from jobctl.spec import Diagnostic
    from jobctl_cli.environment import Environment

CHECK_EXAMPLES = """
    jobctl spec check jobspecs/
    jobctl spec check jobspecs/ -o json          # for editors and CI
    jobctl spec check --no-handlers jobspecs/    # without the application
"""
PLAN_EXAMPLES = """
    jobctl spec plan jobspecs/
    jobctl spec plan --times 10 -o json          # the next ten times of each schedule
"""

Path = Annotated[
    str | None,
    typer.Argument(metavar="PATH", help="File or folder of job specs", show_default="$JOBCTL_SPEC, or jobspecs"),
]


def group() -> typer.Typer:
    """Return the commands about specs."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="Check specs, and show what they compile to.")
    app.command("check", cls=Command, epilog=CHECK_EXAMPLES)(check)
    app.command("plan", cls=Command, epilog=PLAN_EXAMPLES)(plan)
    return app


def check(
    ctx: typer.Context,
    *,
    path: Path = None,
    handlers: Annotated[
        bool, typer.Option("--handlers/--no-handlers", help="Import the handlers and compare their signatures")
    ] = True,
    output: Output = "table",
) -> None:
    """Report every problem of the specs at once.

    Each problem has its place, the line with a caret, a code and a hint. Handlers are imported, with the current
    folder in front of the search path, and their signatures compared with the declared payloads. Exit code 3 on any
    problem.
    """
    from jobctl.compiler import check_handlers
    from jobctl.spec import Spec, SpecErrors, load
    from jobctl_cli.output import emit
    from jobctl_cli.search_path import with_current_folder
    from jobctl_cli.text import plural

    env: Environment = ctx.obj
    spec: Spec | None = None
    problems: tuple[Diagnostic, ...] = ()
    try:
        spec = load(path or env.settings.spec)
    except SpecErrors as error:
        problems = error.diagnostics
    if spec is not None and handlers:
        with_current_folder()
        problems = tuple(check_handlers(spec))
    if problems and output == "table":
        raise SpecErrors(problems)

    def summary() -> str:
        if spec is None:
            return ""
        schedules = sum(len(job.cron) for job in spec.jobs)
        parts = [plural(len(spec.jobs), "job"), plural(len(spec.queues), "queue"), plural(schedules, "schedule")]
        return f"{env.out('green', 'ok')}: {', '.join(parts)} in {plural(len(spec.files), 'file')}"

    data = {"ok": not problems, "problems": [_plain(problem) for problem in problems]}
    emit(
        env, output, data, table=summary, names=lambda: [str(problem.location or problem.code) for problem in problems]
    )
    if problems:
        raise typer.Exit(ExitStatus.SPEC_INVALID)


def plan(
    ctx: typer.Context,
    *,
    path: Path = None,
    times: Annotated[
        int, typer.Option("--times", metavar="N", help="Next times of each schedule", callback=reads(whole_number(0)))
    ] = 3,
    output: Output = "table",
) -> None:
    """Show what the specs compile to: queues, registrations, schedules.

    Queues have the share of starts their weight gives them, registrations SAQ's own numbers (`retries: 5` is 6
    attempts), schedules their next times. Weights set in the environment (JOBCTL_QUEUE_CRITICAL=6) count.
    """
    from jobctl.clock import utc
    from jobctl.compiler import load_plan
    from jobctl_cli.output import emit
    from jobctl_cli.screens import plan as screen

    env: Environment = ctx.obj
    compiled = load_plan(path or env.settings.spec, weights=env.settings.weights, strict=False)
    data = screen.shape(compiled, utc(env.clock.time()), times)
    emit(
        env,
        output,
        data,
        table=lambda: screen.render(data, env),
        names=lambda: (registration.name for registration in compiled.registrations),
    )


def _plain(problem: Diagnostic) -> dict[str, Any]:
    place = problem.location
    return {
        "code": problem.code,
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
