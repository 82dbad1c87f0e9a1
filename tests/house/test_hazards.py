"""Documents that name the tests which guard something: each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("docs/hazards.md", "docs/decisions/0007-claim-lease-fence.md")
HAZARDS = {"A": 11, "B": 15, "C": 19, "D": 14, "E": 15, "F": 5}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_named_test_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))

    names = re.findall(r"::(test_\w+)", text)
    files = re.findall(r"`((?:[\w-]+/)*test_\w+\.py)", text)

    assert names
    assert [name for name in names if f"def {name}(" not in tests] == []
    assert [file for file in files if not list((ROOT / "tests").rglob(file))] == []


def test_every_hazard_has_its_line() -> None:
    lines = (ROOT / "docs/hazards.md").read_text().splitlines()
    listed = {
        name for line in lines if line.startswith("| ") for name in re.findall(r"\b[A-F]\d+\b", line.split("|")[1])
    }

    assert listed == {f"{letter}{number}" for letter, most in HAZARDS.items() for number in range(1, most + 1)}
