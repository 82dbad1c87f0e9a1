"""The tree of commands, built as they are asked for. What a command does stands in its own module."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from jobctl_cli import help_page
from jobctl_cli.command import Command, Context, Group
from jobctl_cli.contents import CONTENTS, HEADINGS, ORDER

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
    ("JOBCTL_CONTEXT", "context of the config file; JOBCTL_CONFIG names the file: by default the nearest jobctl.toml"),
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
    ("7", "a job that was waited for was cancelled"),
    ("124", "the time for waiting is over"),
    ("130", "interrupted"),
)


class Root(Group):
    """The whole program. A command is imported and built when it is asked for: nobody pays for the others."""

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - typer's interface
        """Return the names of all commands."""
        return list(ORDER)

    def get_command(self, ctx: Context, cmd_name: str) -> Any:  # noqa: ARG002 - typer's interface
        """Return a command, or None if there is none of this name."""
        if cmd_name not in self.commands and cmd_name in HEADINGS:
            self.commands[cmd_name] = load_command(cmd_name)
        return self.commands.get(cmd_name)

    def format_help(self, ctx: Context, formatter: Any) -> None:
        """Write the help page: a table of contents."""
        more = {"Environment": ENVIRONMENT, "Exit codes": EXIT_CODES}
        formatter.write(help_page.of_group(self, ctx, contents=CONTENTS, sections=more))


def root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version")] = False,
    # main takes these out of the line, wherever they stand; here they are described
    context: Annotated[  # noqa: ARG001
        str | None, typer.Option("--context", metavar="NAME", help="Use this context of the config file")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but data and errors")] = False,  # noqa: ARG001
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks")] = False,  # noqa: ARG001
) -> None:
    """Background jobs declared in YAML: run them, enqueue them, look after them."""
    if version:
        from jobctl import __version__

        ctx.obj.print(f"jobctl {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        ctx.obj.print(ctx.get_help())


def load_command(name: str) -> Any:
    """Import a command's module and build the command.

    The module has a function ``group`` that returns a typer app of several commands, or else a function of the
    command's name and its ``EXAMPLES``.
    """
    module = import_module(f"jobctl_cli.commands.{name}")
    app = _app()
    app.callback()(lambda: None)  # makes it a group, also of one command
    if hasattr(module, "group"):
        app.add_typer(module.group(), name=name, rich_help_panel=HEADINGS[name])
    else:
        app.command(name, cls=Command, rich_help_panel=HEADINGS[name], epilog=module.EXAMPLES)(getattr(module, name))
    return _built(app).commands[name]


def build() -> TyperGroup:
    """Return the root command."""
    app = _app(cls=Root, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
    app.callback(invoke_without_command=True)(root)
    return _built(app)


def _app(**options: Any) -> typer.Typer:
    # Without typer's completion: `jobctl completion` has our own, which knows the jobs and loads nothing for it.
    return typer.Typer(add_completion=False, rich_markup_mode=None, **options)


def _built(app: typer.Typer) -> TyperGroup:
    command = typer.main.get_command(app)
    assert isinstance(command, TyperGroup)  # noqa: S101 - an app with a callback is a group
    return command
