"""Help pages: snapshots, and what every one of them must have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobctl_cli import commands as command_package
from jobctl_cli.app import load_command
from jobctl_cli.contents import ORDER

COMMANDS = [
    (),
    ("run",),
    ("enqueue",),
    ("enqueue", "greet"),
    ("inspect",),
    ("replay",),
    ("top",),
    ("spec",),
    ("spec", "check"),
    ("spec", "plan"),
    ("completion",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(("jobctl", *command)))
def test_help_page(offline, snapshot, command: tuple[str, ...]) -> None:
    out = offline(*command, "--help")

    assert out.exit_code == 0
    assert out.stderr == ""
    snapshot("-".join(("help", *command)), out.stdout)


@pytest.mark.parametrize("name", ORDER)
def test_every_page_fits_80_columns_and_has_an_example_of_its_own(offline, name: str) -> None:
    for path, is_group in pages(load_command(name), name):
        out = offline(*path, "--help")

        assert (out.exit_code, out.stderr) == (0, ""), path
        assert max(map(len, out.lines)) <= 80, path
        assert is_group or f"  $ jobctl {' '.join(path)}" in out.stdout.replace(" --context prod", ""), path


def pages(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield a command and all in it: where it stands, and whether it is a group."""
    inner = getattr(command, "commands", {})
    yield path, bool(inner)
    for name, one in inner.items():
        yield from pages(one, *path, name)


def test_contents_name_every_command_and_no_other() -> None:
    folder = Path(command_package.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if "_" not in path.stem}

    assert modules == set(ORDER)


def test_contents_are_a_line_each(offline) -> None:
    shown = offline("--help").stdout.partition("Options")[0]

    lines = [line.split(maxsplit=1)[0] for line in shown.splitlines() if line.startswith("  ")]
    assert lines == list(ORDER)


def test_help_of_jobs_without_specs_says_so(offline, project) -> None:
    (project / "jobspecs/jobs.yaml").unlink()

    out = offline("enqueue", "--help")

    assert out.exit_code == 0
    assert "Those at jobspecs cannot be used: 1 problem" in out.stdout.replace("\n", " ")
    assert "jobctl spec check jobspecs" in out.stdout


def test_help_of_jobs_uses_the_spec_named_behind_it(offline, project) -> None:
    (project / "other.yaml").write_text("version: 1\njobs: {mow: {handler: 'app:mow', summary: Cut the grass}}\n")

    out = offline("enqueue", "--help", "--spec", "other.yaml")

    assert "mow  Cut the grass" in out.stdout


def test_colours_on_a_terminal_only(offline) -> None:
    assert "\x1b[" in offline("--help", tty=True).stdout
    assert "\x1b[" not in offline("--help").stdout
    assert "\x1b[" not in offline("--help", tty=True, NO_COLOR="1").stdout
    assert "\x1b[" not in offline("--help", tty=True, TERM="dumb").stdout


def test_colours_change_nothing_but_the_colour(offline) -> None:
    import re

    coloured = offline("enqueue", "greet", "--help", tty=True).stdout

    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == offline("enqueue", "greet", "--help").stdout


def test_wide_terminals_get_lines_fit_for_reading(offline) -> None:
    out = offline("run", "--help", columns=300)

    assert 80 < max(map(len, out.lines)) <= 100
