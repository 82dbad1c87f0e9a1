"""`docs/testing.md` is run: its files are written, its tests are collected, its commands print what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/testing.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LANGUAGES = {"yaml", "python", "console"}


def blocks(*languages: str) -> list[str]:
    return [text for language, text in FENCE.findall(PAGE.read_text("utf-8")) if language in languages]


def write(folder: Path) -> None:
    """Write the files that blocks name in their first line; all other Python becomes one file of tests."""
    tests = []
    for text in blocks("yaml", "python"):
        named = re.match(r"# ([\w/]+\.\w+)\n", text)
        if named is None:
            tests.append(text)
            continue
        path = folder / named[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "test_page.py").write_text("\n".join(tests))
    (folder / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\npython_files = test_page.py\n"
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write(folder)
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("REDIS_", "JOBCTL_"))}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=180, check=False)


def test_every_block_is_of_a_language_that_is_run() -> None:
    found = {language for language, _ in FENCE.findall(PAGE.read_text("utf-8"))}

    assert found == LANGUAGES


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text("utf-8")))
    tests = "\n".join(path.read_text("utf-8") for path in (PAGE.parents[1] / "tests/engine/testing").glob("test_*.py"))

    assert len(named) >= 8
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []


@pytest.mark.slow
def test_the_tests_of_the_page_pass(project: Path) -> None:
    out = run(project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    names = re.findall(r"def (test_\w+)", (project / "test_page.py").read_text())
    assert out.returncode == 0, out.stdout[-5000:] + out.stderr[-2000:]
    assert f"{len(names)} passed" in out.stdout


def commands() -> Iterator[tuple[str, str]]:
    for text in blocks("console"):
        yield from re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "output"), list(commands()), ids=["fuzz", "faults", "scenarios"])
def test_commands_of_the_page_print_what_it_says(project: Path, command: str, output: str) -> None:
    words = shlex.split(command.replace("*.yaml", "shop.yaml"))

    out = run(project, sys.executable, "-m", "jobctl_cli", *words[1:])

    assert out.returncode == 0, out.stdout + out.stderr
    assert re.fullmatch(re.escape(output).replace(r"\.\.\.", ".*"), out.stdout), out.stdout
