"""The program, and the program with error handling around it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from jobctl.errors import UsageError
from jobctl_cli import collection
from jobctl_cli.environment import Environment
from jobctl_cli.exit_status import ExitStatus

DEBUG, QUIET, CONTEXT = "--debug", "--quiet", "--context"
COMPLETE = "__complete"  # what the scripts of `jobctl completion` call


def main(argv: Sequence[str] | None = None, env: Environment | None = None) -> int:
    """Run the command line and return its exit code; nothing but exit codes leaves it.

    Args:
        argv: the arguments without the program's name; None = those of the process.
        env: streams and variables; None = those of the process.
    """
    if argv is None:
        collection.spare()
    env = env or Environment.of_process()
    try:
        status = run_program(list(sys.argv[1:] if argv is None else argv), env)
        env.flush()
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
    if arguments[:1] == [COMPLETE]:
        _complete(arguments[1:], env)
        return ExitStatus.OK
    _take_flags(arguments, env)
    command = build()
    try:
        # not `command.main`, which would deal with broken pipes and interruptions in its own way
        with command.make_context("jobctl", arguments, obj=env, color=True) as context:
            command.invoke(context)
    except Exit as end:
        return end.exit_code
    except TyperException as error:
        raise translate(error) from error
    return ExitStatus.OK


def _complete(words: list[str], env: Environment) -> None:
    """Write what the last of the words may become; the others say where to look."""
    from jobctl_cli import completion
    from jobctl_cli.app import build

    *before, unfinished = words or [""]
    name, mark, _ = unfinished.partition("=")
    if before[-1:] == [CONTEXT] or (name == CONTEXT and mark):
        completion.answer_contexts(env, unfinished)
        return
    _take_flags(before, env)
    completion.answer(env, build(), [*before, unfinished])


def _take_flags(arguments: list[str], env: Environment) -> None:
    """Take the flags out of the line that may stand anywhere on it: people add them to one that has just failed."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept: list[str] = []
    words = iter(arguments[:end])
    for word in words:
        name, mark, value = word.partition("=")
        if word == DEBUG:
            env.is_debug = True
        elif word == QUIET:
            env.is_quiet = True
        elif name == CONTEXT:
            env.context = value if mark else next(words, "")
            if not env.context:
                raise UsageError(
                    "`--context` needs a value", code="usage.option", hint="`jobctl config contexts` lists them"
                )
        else:
            kept.append(word)
    arguments[:end] = kept
