"""The schema beside the shipped specs, which editors check them by, is the one of this version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobctl.spec.schema import FILE_NAME, schema

FOLDER = Path(__file__).parents[2] / "jobspecs"


def test_schema_is_current() -> None:
    assert json.loads((FOLDER / FILE_NAME).read_text(encoding="utf-8")) == schema(), "`make reference` writes it anew"


@pytest.mark.parametrize("spec", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_specs_name_it_for_editors(spec: Path) -> None:
    first, _, _ = spec.read_text(encoding="utf-8").partition("\n")

    assert first == f"# yaml-language-server: $schema=./{FILE_NAME}"
