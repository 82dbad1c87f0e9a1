"""`jobctl enqueue`: one declared job by its own command, or a file of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from jobctl.errors import JobctlError, PayloadError, SpecError, UsageError
from jobctl_cli import help_page, session
from jobctl_cli.command import Context, Group
from jobctl_cli.flags import Output, SpecPath

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan, Registration
    from jobctl_cli.environment import Environment
    from jobctl_cli.job_command import Order

EXAMPLES = """
    jobctl enqueue tenant-init --help
    jobctl enqueue tenant-init --id 6f9a... --in 5m
    jobctl enqueue tenant-init --id 6f9a... --wait -o json
    jobctl enqueue --file jobs.ndjson
"""
PLAN = "jobctl.plan"


class JobGroup(Group):
    """A command for every job that the specs declare. The specs are read once, when a job is first asked for."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Parse the group's own arguments; `--spec` counts wherever it stands, for it decides what else can."""
        return super().parse_args(ctx, _spec_first(args))

    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names of the declared jobs; none where the specs cannot be read."""
        try:
            return list(self._plan(ctx).by_name)
        except SpecError:
            return []

    def get_command(self, ctx: Context, cmd_name: str) -> TyperCommand | None:
        """Return the command of a job, by its name or its type; None if it is not declared."""
        plan = self._plan(ctx)
        found = plan.by_name.get(cmd_name) or plan.by_type.get(cmd_name)
        return self._command(found) if found else None

    def unknown(self, ctx: Context, name: str) -> JobctlError:
        """Return the error for a job that is not declared."""
        try:
            self._plan(ctx).registration(name)
        except JobctlError as error:
            return error
        raise AssertionError("unreachable: a declared job has a command")

    def format_help(self, ctx: Context, formatter: Any) -> None:
        """Write the help page: the declared jobs with their summaries, or why there are none."""
        notes = []
        try:
            if not self._plan(ctx).registrations:
                notes = ["No jobs are declared."]
        except SpecError as error:
            path = _spec_path(ctx)
            summary = getattr(error, "summary", "they cannot be read")
            notes = [f"The jobs stand here once there are specs. Those at {path} cannot be used: {summary}."]
            notes.append(f"  jobctl spec check {path}")
        formatter.write(help_page.of_group(self, ctx, notes=notes))

    def _plan(self, ctx: Context) -> Plan:
        found: Plan | None = ctx.meta.get(PLAN)
        if found is None:
            found = ctx.meta[PLAN] = session.load_plan(ctx.obj, ctx.params.get("spec"))
        return found

    def _command(self, registration: Registration) -> TyperCommand:
        from jobctl_cli.job_command import command_for

        return command_for(registration, enqueue_one)


def group() -> typer.Typer:
    """Return the command with a command for every declared job."""
    app = typer.Typer(
        cls=JobGroup,
        rich_markup_mode=None,
        invoke_without_command=True,
        subcommand_metavar="JOB [FLAGS]",
        epilog=EXAMPLES,
    )
    app.callback()(enqueue)
    return app


def enqueue(
    ctx: typer.Context,
    *,
    spec: SpecPath = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="Enqueue the jobs of a file, a JSON object a line; - is stdin"
        ),
    ] = None,
    output: Output = "table",
) -> None:
    """Put a job, or a file of jobs, in its queue.

    Each declared job is a command here, with flags made from its payload's declaration.

    A line of a file is {"job": "tenant-init", "payload": {"id": "..."}}; beside these it may hold queue, in, at,
    retries, timeout, retention, key, unique. All lines are checked before the first job is enqueued.
    """
    if ctx.invoked_subcommand is not None:
        if file is not None:
            raise UsageError("`--file` and a job exclude each other", hint="the jobs are named in the file")
        return
    env: Environment = ctx.obj
    if file is None:
        raise UsageError(
            "`jobctl enqueue` needs a job, or `--file`",
            code="usage.no-command",
            hint="`jobctl enqueue --help` lists the declared jobs",
        )
    from jobctl_cli.bulk import enqueue_file

    raise typer.Exit(enqueue_file(env, session.load_plan(env, spec), file, output))


def enqueue_one(ctx: typer.Context, order: Order) -> None:
    """Enqueue one job; with `--wait`, see it end."""
    from jobctl.client import BlockingClient

    env: Environment = ctx.obj
    plan: Plan = ctx.meta[PLAN]
    if order.options["delay"] is not None and order.options["at"] is not None:
        raise UsageError("`--in` and `--at` exclude each other", hint="give a delay from now, or a time")
    if order.wait_timeout_s is not None and not order.wait:
        raise UsageError("`--wait-timeout` means nothing without `--wait`", hint="add `--wait`")
    with session.broker(env) as url, BlockingClient(plan, url) as client:
        try:
            enqueued = client.enqueue(order.job, order.payload, **order.options)
        except PayloadError as error:
            raise _by_flags(error, order) from None
        from jobctl_cli.screens import enqueued as screen

        if not order.wait:
            screen.show(env, order.output, order.job, enqueued)
            return
        from jobctl_cli.waiting import see_it_end

        see_it_end(env, client, plan, enqueued, order)


def _by_flags(error: PayloadError, order: Order) -> PayloadError:
    """Return the error with the flags of the fields at fault instead of their paths in the payload."""
    problems = []
    for path, problem in error.problems:
        name = path.partition(".")[0].partition("[")[0]
        flag = order.flags.get(name)
        problems.append((flag + path[len(name) :] if flag else path, problem))
    return PayloadError(error.job, problems, hint=error.hint)


def _spec_first(args: Sequence[str]) -> list[str]:
    front: list[str] = []
    rest: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--spec":
            front += [word, *([value] if (value := next(words, None)) is not None else [])]
        elif word.startswith("--spec="):
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def _spec_path(ctx: Context) -> str:
    path: str = ctx.params.get("spec") or ctx.obj.settings.spec
    return path
