"""What every command owes its reader, checked of all there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jobctl_cli.app import load_command
from jobctl_cli.contents import ORDER


def leaves(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands that do something: one, or all that are in a group."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield path
    for name, one in inner.items():
        yield from leaves(one, *path, name)


@pytest.mark.parametrize("name", ORDER)
def test_a_wrong_flag_brings_the_right_one_to_mind(offline, name: str) -> None:
    for path in leaves(load_command(name), name):
        out = offline(*path, "--hepl")

        assert (out.exit_code, out.stdout) == (2, ""), path
        assert out.stderr.splitlines()[-1] == "hint: did you mean `--help`?", path


@pytest.mark.parametrize("name", ORDER)
def test_a_wrong_name_brings_the_right_one_to_mind(offline, name: str) -> None:
    for *group, last in leaves(load_command(name), name):
        out = offline(*group, f"{last}x")

        assert (out.exit_code, out.stdout) == (2, ""), (group, last)
        assert f"did you mean `{last}`?" in out.stderr, (group, last)


@pytest.mark.parametrize("name", ORDER)
def test_a_wrong_form_of_output_names_the_right_one(offline, name: str) -> None:
    for path in leaves(load_command(name), name):
        if "--output" not in offline(*path, "--help").stdout:
            continue
        out = offline(*path, "-o", "jsn")

        assert (out.exit_code, out.stdout) == (2, ""), path
        assert "did you mean `json`?" in out.stderr, path
