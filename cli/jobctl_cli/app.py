"""The tree of commands: names, headings, examples. What a command does stands in its own module."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from jobctl_cli import help_page
from jobctl_cli.command import Command, Context, Group
from jobctl_cli.commands import completion, cron, enqueue, inspect, queues, replay, run, spec, top

EXAMPLES = """
    jobctl spec check jobspecs/                  # are the specs sound?
    jobctl run                                   # start worker and scheduler
    jobctl enqueue tenant-init --help            # a job's flags, from its spec
    jobctl enqueue tenant-init --id 6f9a... --wait
    jobctl inspect --state dead --newer 1h       # what died lately?
    jobctl replay --state dead --dry-run         # what could be run again?
"""
ENVIRONMENT = (
    ("JOBCTL_SPEC", "file or folder of job specs, by default jobspecs"),
    ("REDIS_URL", "the broker: redis://, rediss:// or unix://; or REDIS_HOST, _PORT, _PASSWORD, _DB"),
    ("JOBCTL_HOME", "folder of the broker that jobctl runs itself where none is configured: .jobctl"),
    ("JOBCTL_CONCURRENCY", "jobs a worker runs at once; JOBCTL_QUEUE_CRITICAL=6 sets the weight of a queue"),
    ("NO_COLOR", "no colours"),
)
EXIT_CODES = (
    ("0", "ok"),
    ("1", "failed: a job died, an enqueue was refused"),
    ("2", "usage: the command line, a payload or a variable is wrong"),
    ("3", "the specs have problems"),
    ("4", "no broker answers"),
    ("5", "no such job"),
    ("6", "a threshold was missed"),
    ("130", "interrupted"),
)
ORDER = ("run", "enqueue", "inspect", "replay", "top", "queues", "cron", "spec", "completion")


class Root(Group):
    """The whole program."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - typer's interface
        """Return the commands in the order of a job's life."""
        return list(ORDER)

    def format_help(self, ctx: Context, formatter: Any) -> None:
        """Write the help page: a table of contents."""
        more = {"Environment": ENVIRONMENT, "Exit codes": EXIT_CODES}
        formatter.write(help_page.of_group(self, ctx, sections=more))


def root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version")] = False,
    debug: Annotated[  # noqa: ARG001 - main takes it out of the line, wherever it stands; here it is described
        bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere on the line")
    ] = False,
) -> None:
    """Background jobs declared in YAML: run them, enqueue them, look after them."""
    if version:
        from jobctl import __version__

        ctx.obj.print(f"jobctl {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        ctx.obj.print(ctx.get_help())


def build() -> TyperGroup:
    """Return the root command."""
    app = typer.Typer(
        cls=Root,
        add_completion=False,  # `jobctl completion` has our own, which knows the jobs and loads nothing for it
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=EXAMPLES,
    )
    app.callback(invoke_without_command=True)(root)
    app.command("run", cls=Command, rich_help_panel="Run", epilog=run.EXAMPLES)(run.run)
    app.add_typer(enqueue.group(), name="enqueue", rich_help_panel="Jobs")
    app.command("inspect", cls=Command, rich_help_panel="Jobs", epilog=inspect.EXAMPLES)(inspect.inspect)
    app.command("replay", cls=Command, rich_help_panel="Jobs", epilog=replay.EXAMPLES)(replay.replay)
    app.command("top", cls=Command, rich_help_panel="Jobs", epilog=top.EXAMPLES)(top.top)
    app.add_typer(queues.group(), name="queues", rich_help_panel="Jobs")
    app.add_typer(cron.group(), name="cron", rich_help_panel="Jobs")
    app.add_typer(spec.group(), name="spec", rich_help_panel="Specs")
    app.command("completion", cls=Command, rich_help_panel="Shell", epilog=completion.EXAMPLES)(completion.completion)
    command = typer.main.get_command(app)
    assert isinstance(command, TyperGroup)  # noqa: S101 - an app with several commands is a group
    return command
