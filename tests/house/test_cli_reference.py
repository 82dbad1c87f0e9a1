"""The reference of the command line is what the commands say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_reference_is_current() -> None:
    spec = importlib.util.spec_from_file_location("docs_cli", DOCS / "cli.py")
    assert spec is not None
    assert spec.loader is not None
    written = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(written)

    assert (DOCS / "cli.md").read_text(encoding="utf-8") == written.document(), "`make reference` writes it anew"
