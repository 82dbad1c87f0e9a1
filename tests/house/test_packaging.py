"""The package as users get it: its version, its public names, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import jobctl

ROOT = Path(__file__).parents[2]
HEAVY = ("redis", "saq", "croniter", "uvloop", "locust", "sqlalchemy")


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules a fresh interpreter has loaded after a statement."""
    script = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(run.stdout.split())


def test_version_is_the_same_in_both_places() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert jobctl.__version__ == project["version"]


@pytest.mark.parametrize("name", jobctl.__all__)
def test_public_name_imports(name: str) -> None:
    assert getattr(jobctl, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Clients"):
        _ = jobctl.Clients


@pytest.mark.parametrize("statement", ["import jobctl", "import jobctl_cli.main"])
def test_import_loads_nothing_heavy(statement: str) -> None:
    loaded = modules_after(statement)

    assert loaded.isdisjoint(HEAVY)


def test_client_does_not_load_saq() -> None:
    loaded = modules_after("from jobctl import BlockingClient")

    assert loaded.isdisjoint({"saq", "croniter", "uvloop"})


def test_types_are_shipped() -> None:
    assert (ROOT / "engine/jobctl/py.typed").exists()
