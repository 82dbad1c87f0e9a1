"""The list of attacks is true: what it names exists, and no attack that is tried is missing from it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def names_in(pattern: str) -> set[str]:
    """Return the tests of the files that a pattern finds."""
    texts = [path.read_text() for path in (ROOT / "tests/web").glob(pattern)]
    return {name for text in texts for name in re.findall(r"def (test_\w+)\(", text)}


def listed() -> set[str]:
    return set(re.findall(r"`(test_\w+)`", (ROOT / "docs/web-security.md").read_text()))


def test_every_named_test_exists() -> None:
    assert listed()
    assert listed() - names_in("test_*.py") == set()


def test_every_attack_is_listed() -> None:
    assert (names_in("test_attacks.py") | names_in("test_wire.py")) - listed() == set()


def test_every_picture_exists() -> None:
    text = (ROOT / "docs/web.md").read_text()
    pictures = set(re.findall(r'(?:src|srcset)="([^"]+)"', text))

    assert len(pictures) > 20
    assert [name for name in pictures if not (ROOT / "docs" / name).exists()] == []
