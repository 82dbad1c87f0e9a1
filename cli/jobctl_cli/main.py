"""The program, and the program with error handling around it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from jobctl_cli.environment import Environment
from jobctl_cli.exit_status import ExitStatus

DEBUG = "--debug"
COMPLETE = "__complete"  # what the scripts of `jobctl completion` call


def main(argv: Sequence[str] | None = None, env: Environment | None = None) -> int:
    """Run the command line and return its exit code; nothing but exit codes leaves it.

    Args:
        argv: the arguments without the program's name; None = those of the process.
        env: streams and variables; None = those of the process.
    """
    env = env or Environment.of_process()
    try:
        status = run_program(list(sys.argv[1:] if argv is None else argv), env)
        env.stdout.flush()
    except BaseException as error:
        from jobctl_cli.errors import report

        status = report(error, env)
    return status


def run_program(arguments: list[str], env: Environment) -> int:
    """Parse the arguments and do what they say.

    Raises:
        JobctlError: whatever went wrong; also for wrong arguments.
    """
    from typer import Exit, TyperException

    from jobctl_cli.app import build
    from jobctl_cli.usage import translate

    env.arguments = tuple(arguments)
    env.is_debug = env.is_debug or bool(env.variables.get("JOBCTL_DEBUG"))
    if DEBUG in _before_dashes(arguments):  # it may stand anywhere: people add it to a line that has just failed
        arguments.remove(DEBUG)
        env.is_debug = True
    command = build()
    if arguments[:1] == [COMPLETE]:
        from jobctl_cli import completion

        completion.answer(env, command, arguments[1:])
        return ExitStatus.OK
    try:
        # not `command.main`, which would deal with broken pipes and interruptions in its own way
        with command.make_context("jobctl", arguments, obj=env, color=True) as context:
            command.invoke(context)
    except Exit as end:
        return end.exit_code
    except TyperException as error:
        raise translate(error) from error
    return ExitStatus.OK


def _before_dashes(arguments: list[str]) -> list[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments
