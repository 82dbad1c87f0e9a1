"""`docs/filters.md` is true: its fields are the language's, and its commands say what stands there."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobctl.inspector.filters.fields import FIELDS

PAGE = (Path(__file__).parents[2] / "docs/filters.md").read_text(encoding="utf-8")
KEY = re.compile(r"\b[0-9a-f]{24}\b")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def examples() -> list[tuple[str, str]]:
    """The commands of the page, each with what it says."""
    found: list[tuple[str, str]] = []
    for text in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, said = part.partition("\n")
            found.append((command, said))
    return found


def test_every_field_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| `(.*)` \|$", PAGE, re.MULTILINE)

    assert rows == [(field.name, field.help, field.example) for field in FIELDS.values()]


def test_every_command_says_what_stands_there(jobctl, project: Path) -> None:
    (project / "jobspecs/jobs.yaml").write_text(block("yaml"))
    (project / "shop.py").write_text(block("python"))
    assert jobctl("enqueue", "--file", "-", stdin=block("json")).exit_code == 0
    # one after the other: the page shows the order of their ends
    assert jobctl("run", "--burst", "--concurrency", "1", "--log-level", "error").exit_code == 0

    said = []
    for command, _ in examples():
        _, *arguments = shlex.split(command)
        out = jobctl(*arguments)
        notes = [line for line in out.stderr.splitlines(keepends=True) if not line.startswith("cursor: ")]
        said.append((command, KEY.sub("KEY", out.stdout + "".join(notes))))

    assert said == examples()


@pytest.fixture(autouse=True)
def forget_handlers() -> Iterator[None]:
    yield
    sys.modules.pop("shop", None)
