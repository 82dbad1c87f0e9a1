"""Examples in docstrings of the engine run and print what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import jobctl


def engine_modules() -> list[str]:
    return sorted(
        module.name
        for module in pkgutil.walk_packages(jobctl.__path__, "jobctl.")
        if not module.name.endswith("__main__")
    )


@pytest.mark.parametrize("name", engine_modules())
def test_examples_in_docstrings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # it would make greenlets of this process's threads
    module = importlib.import_module(name)

    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)

    assert result.failed == 0
