"""Specs and applications written in the test that needs them."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobctl.spec import Spec, load
from jobctl.spec.model import PayloadField


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[..., Spec]:
    """Load a spec from the texts of its files, in order."""

    def load_texts(*texts: str) -> Spec:
        folder = tmp_path / f"specs{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for index, text in enumerate(texts):
            (folder / f"{index}.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
        return load(folder)

    return load_texts


@pytest.fixture
def fields_of(spec_of: Callable[..., Spec]) -> Callable[[str], tuple[PayloadField, ...]]:
    """Return the payload fields that a flow mapping declares."""

    def load_fields(payload: str) -> tuple[PayloadField, ...]:
        text = textwrap.indent(textwrap.dedent(payload), "      ")
        return spec_of(f"version: 1\njobs:\n  a:\n    handler: x:y\n    payload:\n{text}").jobs[0].payload

    return load_fields


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Write the modules of an importable application, as `name="source"`; `a__b` is the module `a.b`."""
    root = tmp_path / "application"
    root.mkdir()
    monkeypatch.syspath_prepend(root)
    before = set(sys.modules)

    def write(**sources: str) -> None:
        for name, source in sources.items():
            path = root / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "") or "").startswith(str(root)):
            del sys.modules[name]
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]
