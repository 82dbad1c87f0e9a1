"""Specs written in the test that needs them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from jobctl.spec import Diagnostic, Spec, SpecErrors, load
from jobctl.spec.model import JobSpec


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[..., Spec]:
    """Load a spec from the texts of its files, in order."""

    def load_texts(*texts: str) -> Spec:
        for index, text in enumerate(texts):
            (tmp_path / f"{index}.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
        return load(tmp_path)

    return load_texts


@pytest.fixture
def job_of(spec_of: Callable[..., Spec]) -> Callable[[str], JobSpec]:
    """Load one job from the text of its keys; its handler is given."""

    def load_job(keys: str) -> JobSpec:
        body = textwrap.indent(textwrap.dedent(keys), "    ")
        return spec_of(f"version: 1\njobs:\n  send-mail:\n    handler: shop.mail:send\n{body}\n").jobs[0]

    return load_job


@pytest.fixture
def problems_of(spec_of: Callable[..., Spec]) -> Callable[..., tuple[Diagnostic, ...]]:
    """Return the problems of a spec that must have some."""

    def load_broken(*texts: str) -> tuple[Diagnostic, ...]:
        with pytest.raises(SpecErrors) as raised:
            spec_of(*texts)
        return raised.value.diagnostics

    return load_broken
