"""Examples in docstrings of the console run and print what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["charts", "login", "text"])
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"jobctl_web.{name}"))

    assert result.attempted > 0
    assert result.failed == 0
