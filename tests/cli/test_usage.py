"""Wrong command lines: one error in the common layout, exit 2, with what was probably meant."""

from __future__ import annotations

import pytest

from jobctl_cli.commands import spec
from jobctl_cli.contents import ORDER

SPEC_COMMANDS = [str(command.name) for command in spec.group().registered_commands]
CASES = {
    ("inspct",): ("error[usage.unknown-command]: `jobctl` has no command `inspct`", "did you mean `inspect`?"),
    ("worker",): ("error[usage.unknown-command]: `jobctl` has no command `worker`", "did you mean `run`?"),
    ("xyzzy",): (
        "error[usage.unknown-command]: `jobctl` has no command `xyzzy`",
        f"commands: {', '.join(ORDER)}",
    ),
    ("spec",): ("error[usage.no-command]: `jobctl spec` needs a command", "commands: " + ", ".join(SPEC_COMMANDS)),
    ("spec", "chek"): ("error[usage.unknown-command]: `jobctl spec` has no command `chek`", "did you mean `check`?"),
    ("run", "--conurrency", "4"): (
        "error[usage.unknown-option]: `jobctl run` has no option `--conurrency`",
        "did you mean `--concurrency`?",
    ),
    ("run", "--zzz"): (
        "error[usage.unknown-option]: `jobctl run` has no option `--zzz`",
        "`jobctl run --help` shows how it is called",
    ),
    ("run", "--concurrency"): (
        "error[usage.option]: `--concurrency` needs a value",
        "`jobctl run --help` shows how it is called",
    ),
    ("run", "--burst=yes"): (
        "error[usage.option]: `--burst` takes no value",
        "`jobctl run --help` shows how it is called",
    ),
    ("run", "--concurrency", "0"): (
        "error[usage.value]: `--concurrency`: `0` is not a whole number of 1 or more",
        None,
    ),
    ("run", "--grace", "5"): (
        "error[usage.value]: `--grace`: `5` is not a duration; write e.g. `500ms`, `30s`, `5m`, `1h30m`, `7d`",
        None,
    ),
    ("run", "--queues", "critical=no"): (
        "error[usage.value]: `--queues`: `critical=no` is not a queue with its weight;"
        " write e.g. `critical=6,default=3`",
        None,
    ),
    ("run", "now"): (
        "error[usage.extra]: `jobctl run` does not take `now`",
        "`jobctl run --help` shows how it is called",
    ),
    ("inspect", "-o", "jsn"): (
        "error[usage.value]: `--output`: `jsn` is none of `table`, `wide`, `json`, `yaml` or `name`",
        "did you mean `json`?",
    ),
    ("completion",): (
        "error[usage.missing]: `jobctl completion` needs `SHELL`",
        "`jobctl completion --help` shows how it is called",
    ),
    ("completion", "tcsh"): ("error[usage.value]: `SHELL`: `tcsh` is none of `bash`, `zsh` or `fish`", None),
}


@pytest.mark.parametrize("args", CASES, ids=" ".join)
def test_wrong_command_line_is_one_clear_error(offline, args: tuple[str, ...]) -> None:
    message, hint = CASES[args]

    out = offline(*args)

    assert out.exit_code == 2
    assert out.stdout == ""
    assert out.stderr.splitlines() == [message, *([f"hint: {hint}"] if hint else [])]
