from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobctl_cli.contents import ORDER


def complete(program, *words: str) -> list[str]:
    out = program("__complete", *words)
    assert (out.exit_code, out.stderr) == (0, "")
    return [line.partition("\t")[0] for line in out.lines]


def test_commands(offline) -> None:
    assert complete(offline, "") == list(ORDER)
    assert complete(offline, "re") == ["replay"]
    assert complete(offline, "spec", "sh") == ["show"]


def test_candidates_have_their_meaning(offline) -> None:
    assert offline("__complete", "enqueue", "gr").stdout == "greet\tSay hello\n"
    assert offline("__complete", "--ver").stdout == "--version\tShow the version\n"


def test_jobs_complete_after_enqueue(offline) -> None:
    assert complete(offline, "enqueue", "") == ["greet", "boom", "sync"]


def test_jobs_complete_after_spec_show(offline) -> None:
    assert complete(offline, "spec", "show", "") == ["greet", "boom", "sync"]


def test_jobs_of_the_spec_that_stands_on_the_line(offline, project: Path) -> None:
    (project / "other.yaml").write_text("version: 1\njobs: {mow: {handler: 'app:mow'}}\n")

    assert complete(offline, "enqueue", "--spec", "other.yaml", "") == ["mow"]
    assert complete(offline, "enqueue", "--spec=other.yaml", "") == ["mow"]


def test_flags_of_a_job(offline) -> None:
    flags = complete(offline, "enqueue", "greet", "--")

    assert {"--name", "--times", "--kind", "--token", "--in", "--wait", "--help"} <= set(flags)
    assert "--name" not in complete(offline, "enqueue", "greet", "--name", "Ada", "--")


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        (("enqueue", "greet", "--kind", ""), ["warm", "cold"]),
        (("enqueue", "greet", "--queue", ""), ["critical", "default"]),
        (("inspect", "--state", "de"), ["dead"]),
        (("inspect", "--type", "b"), ["boom:now"]),
        (("inspect", "-o", "j"), ["json"]),
        (("run", "--queues", "c"), ["critical"]),
        (("queues", "pause", ""), ["critical", "default"]),
        (("run", "--log-format", "h"), ["human"]),
        (("cron", "pause", ""), ["boom"]),
        (("spec", "explain", "jobs.retr"), ["jobs.retries"]),
        (("logs", ""), []),
        (("inspect", ""), []),
        (("test", "fuzz", "b"), ["boom"]),
        (("bench", "compare", ""), [":files"]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("run", "--spec", "jo"), [":files"]),
        (("enqueue", "--file", ""), [":files"]),
        (("spec", "check", "jo"), [":files"]),
        (("enqueue", "greet", "--name", ""), []),
        (("no", "such", "command", ""), []),
        (("enqueue", "no-such-job", "--"), []),
    ],
)
def test_values(offline, words: tuple[str, ...], candidates: list[str]) -> None:
    assert complete(offline, *words) == candidates


def test_alerts_of_the_specs(offline, project: Path) -> None:
    (project / "jobspecs/more.yaml").write_text("version: 1\nalerts: {deaths: {when: dead, to: $OPS}}\n")

    assert complete(offline, "alert", "test", "") == ["deaths"]


CONTEXTS = """\
[contexts.prod]
redis_url = "rediss://:hunter2@redis.example.org/0"
[contexts.staging]
concurrency = 5
"""


def test_contexts_of_the_config_file(offline, project: Path) -> None:
    assert complete(offline, "--context", "") == []
    (project / "jobctl.toml").write_text(CONTEXTS)

    assert complete(offline, "--context", "") == ["prod", "staging"]
    assert complete(offline, "inspect", "--state", "dead", "--context", "s") == ["staging"]
    assert complete(offline, "--context=p") == ["--context=prod"]
    assert offline("__complete", "--context", "p").stdout == "prod\trediss://:***@redis.example.org/0\n"
    assert complete(offline, "--context", "prod", "queues", "pause", "c") == ["critical"]


def test_a_config_file_that_is_broken_completes_nothing(offline, project: Path) -> None:
    (project / "jobctl.toml").write_text("[contexts")

    assert complete(offline, "--context", "") == []
    assert complete(offline, "inspect", "--state", "de") == ["dead"]


def test_broken_specs_complete_nothing_and_stay_silent(offline, project: Path) -> None:
    (project / "jobspecs/jobs.yaml").write_text("jobs: [")

    assert complete(offline, "enqueue", "") == []
    assert complete(offline, "enqueue", "greet", "--") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(offline, snapshot, shell: str) -> None:
    out = offline("completion", shell)

    assert out.exit_code == 0
    snapshot(f"completion-{shell}", out.stdout)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_takes_its_script(offline, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")

    run = subprocess.run(
        [shell, "-n"],
        input=offline("completion", shell).stdout,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("jobctl enq", "enqueue"),
        ("jobctl enqueue ", "greet boom sync"),
        ("jobctl inspect --type boom:n", "now"),  # bash itself has split the word at the colon
        ("jobctl run --spec jobs", "jobspecs"),
    ],
)
def test_bash_completes(offline, project: Path, line: str, reply: str) -> None:
    if shutil.which("bash") is None:
        pytest.skip("no bash here")
    command = project / "jobctl"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m jobctl_cli "$@"\n')
    command.chmod(0o755)
    (project / "script.bash").write_text(offline("completion", "bash").stdout)
    ask = (
        f"source script.bash; COMP_LINE='{line}'; COMP_POINT={len(line)}; _jobctl ./jobctl; echo \"${{COMPREPLY[*]}}\""
    )

    run = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=30, check=True)

    assert run.stdout.strip() == reply
