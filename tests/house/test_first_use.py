"""Packages whose names are imported on first use: type checkers still know each name, and only these."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[2] / "engine"
PACKAGES = {
    ".".join(path.parent.relative_to(ENGINE).parts): path
    for path in (ENGINE / "jobctl").rglob("__init__.py")
    if "def __getattr__" in path.read_text(encoding="utf-8")
}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_misspelt_name_is_an_error_for_type_checkers(package: str) -> None:
    """A `__getattr__` that they see stands for any name at all."""
    body = ast.parse(PACKAGES[package].read_text(encoding="utf-8")).body

    assert [node for node in body if isinstance(node, ast.FunctionDef) and node.name == "__getattr__"] == []


@pytest.mark.parametrize("package", sorted(PACKAGES.keys() - {"jobctl.loadtest"}))  # Locust would patch this process
def test_every_name_is_there_and_no_other(package: str) -> None:
    module = import_module(package)

    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = module.nothing_of_the_kind
