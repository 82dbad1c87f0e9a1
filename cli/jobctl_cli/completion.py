"""What the shell may complete, and the scripts that ask for it.

The scripts call `jobctl __complete WORD...`, the last word being the one under the cursor, and get one candidate a
line: the word, a tab, what it is. The line `:files` asks for the shell's own completion of files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from jobctl.errors import JobctlError
from jobctl.settings import redact_url
from jobctl_cli import session
from jobctl_cli.help_page import meaning
from jobctl_cli.text import harmless

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl_cli.environment import Environment

FILES = ":files"
FILE_METAVARS = ("FILE", "FOLDER", "PATH", "PATH...", "REPORT")

Candidate = tuple[str, str]


def answer(env: Environment, root: TyperGroup, words: Sequence[str]) -> None:
    """Write the candidates for the last of the words. Whatever goes wrong, a completion stays silent."""
    try:
        for word, meaning in candidates(env, root, words or [""]):
            env.print(f"{word}\t{harmless(meaning)}" if meaning else word)
    except JobctlError:
        return


def answer_contexts(env: Environment, unfinished: str) -> None:
    """Write the contexts of the config file that begin so; the word may be ``--context=NAME`` as a whole."""
    from jobctl_cli.config.configuration import find_file

    head = unfinished[: unfinished.find("=") + 1] if unfinished.startswith("--") else ""
    try:
        found = find_file(env.variables, Path())
    except JobctlError:
        return
    for name, (_, entries) in (found.contexts if found else {}).items():
        if name.startswith(unfinished[len(head) :]):
            urls = [redact_url(entry.text) for entry in entries if entry.name == "redis_url"]
            env.print("\t".join((f"{head}{name}", *map(harmless, urls))))


def candidates(env: Environment, root: TyperGroup, words: Sequence[str]) -> list[Candidate]:
    """Return what the last of the words may become.

    Raises:
        JobctlError: the specs, which name the jobs, cannot be read.
    """
    *before, unfinished = words
    command: Any = root
    context = typer.Context(root, info_name="jobctl", obj=env, resilient_parsing=True)
    waiting: Any = None  # the option whose value comes next
    spec: str | None = None
    for word in before:
        if waiting is not None:
            spec = word if waiting.name == "spec" else spec
            waiting = None
        elif word.startswith("-"):
            name, assigned, value = word.partition("=")
            option = _option(command, context, name)
            if option is not None and not option.is_flag:
                spec = value if assigned and option.name == "spec" else spec
                waiting = None if assigned else option
        elif isinstance(command, TyperGroup):
            context.params["spec"] = spec
            inner = command.get_command(context, word)
            if inner is None:
                return []
            context = typer.Context(inner, info_name=word, parent=context, obj=env, resilient_parsing=True)
            command = inner
    context.params["spec"] = spec
    if waiting is not None:
        found = _values(env, waiting, spec)
    elif unfinished.startswith("-"):
        found = _options(command, context, before)
    elif isinstance(command, TyperGroup):
        found = _commands(command, context)
    else:
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        found = _values(env, arguments[0], spec) if arguments else ()
    return [(word, meaning) for word, meaning in found if word.startswith(unfinished) or word == FILES]


def _option(command: Any, context: typer.Context, name: str) -> Any:
    for param in command.get_params(context):
        if name in param.opts or name in param.secondary_opts:
            return param
    return None


def _options(command: Any, context: typer.Context, before: Sequence[str]) -> Iterator[Candidate]:
    given = {word.partition("=")[0] for word in before}
    for param in command.get_params(context):
        names = [name for name in (*param.opts, *param.secondary_opts) if name.startswith("--")]
        if param.param_type_name == "option" and (param.multiple or given.isdisjoint(names)):
            yield from ((name, meaning(param)) for name in names)


def _commands(group: TyperGroup, context: typer.Context) -> Iterator[Candidate]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            yield name, command.get_short_help_str(limit=60)


def _values(env: Environment, param: Any, spec: str | None) -> Iterable[Candidate]:
    choices: Sequence[str] = getattr(param.callback, "choices", ())
    if choices:
        return [(choice, "") for choice in choices]
    if param.metavar in FILE_METAVARS:
        return [(FILES, "")]
    match param.metavar, param.param_type_name:
        case ("QUEUE", _):
            found = "queues"
        case ("JOB", _):
            found = "jobs"
        case ("ID", "argument"):
            found = "schedules"
        case ("NAME", "argument"):
            found = "alerts"
        case ("KEY", "argument") if not param.required:
            return _spec_keys()
        case _:
            found = {"queue": "queues", "queues": "queues", "type": "types"}.get(param.name, "")
    return _declared(session.load_plan(env, spec), found) if found else ()


def _declared(plan: Plan, what: str) -> Iterable[Candidate]:
    """Return what the specs declare of a kind."""
    match what:
        case "queues":
            return [(queue.name, f"weight {queue.weight}") for queue in plan.queues]
        case "jobs":
            return [(job.name, job.summary) for job in plan.registrations]
        case "types":
            return [(job.type, job.summary) for job in plan.registrations]
        case "schedules":
            return [(each.id, each.expression) for each in plan.schedules]
    return [(alert.name, str(alert.when)) for alert in plan.alerts]


def _spec_keys() -> list[Candidate]:
    from jobctl.spec import outline

    return [(entry.path, entry.field.description) for entry in outline.entries()]


def script(shell: str) -> str:
    """Return the script for a shell, to be sourced."""
    return {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell].strip()


# Words are split at spaces alone: bash itself would split `tenant:initialize` at the colon, and then wants the part
# behind it only.
BASH = r"""
_jobctl() {
    local line="${COMP_LINE:0:COMP_POINT}" current candidate behind
    local -a given=()
    read -ra given <<< "$line"
    [[ "$line" == *[[:space:]] ]] && given+=("")
    current="${given[${#given[@]}-1]}"
    behind="${current%"${current##*[:=]}"}"
    COMPREPLY=()
    while IFS= read -r candidate; do
        candidate="${candidate%%$'\t'*}"
        if [[ "$candidate" == ":files" ]]; then
            while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$current")
            compopt -o filenames 2>/dev/null
        else
            COMPREPLY+=("${candidate#"$behind"}")
        fi
    done < <("$1" __complete "${given[@]:1}" 2>/dev/null)
}
complete -F _jobctl jobctl
"""

ZSH = r"""
#compdef jobctl
_jobctl() {
    local line
    local -a found described
    found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for line in "${found[@]}"; do
        [[ -z "$line" ]] && continue
        [[ "$line" == ":files" ]] && { _files; return; }
        described+=("${${line%%$'\t'*}//:/\\:}:${${line#*$'\t'}#${line}}")
    done
    _describe -t jobctl jobctl described
}
if [[ "${funcstack[1]}" == "_jobctl" ]]; then _jobctl "$@"; else compdef _jobctl jobctl; fi
"""

FISH = r"""
function __jobctl_complete
    set -l given (commandline -opc) (commandline -ct)
    for line in ($given[1] __complete $given[2..-1] 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c jobctl -f -a '(__jobctl_complete)'
"""
