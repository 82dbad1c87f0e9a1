"""The pytest plugin. pytest loads it wherever jobctl is installed, so it imports nothing and offers an option only.

The fixtures (`jobctl.testing.fixtures`) join in projects that have specs: where the option ``jobctl_spec`` is set, or
there is a folder ``jobspecs`` beside the configuration. Nobody else pays for them, or meets their names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

DEFAULT_SPEC = "jobspecs"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option of the configuration."""
    parser.addini("jobctl_spec", "files and folders of job specs, beside this file", type="args", default=[])


def spec_of(config: pytest.Config) -> list[str]:
    """Return the paths of the project's specs; none = it has no specs."""
    chosen = config.getini("jobctl_spec")
    if not chosen and (config.rootpath / DEFAULT_SPEC).is_dir():
        chosen = [DEFAULT_SPEC]
    return [str(config.rootpath / Path(path)) for path in chosen]


def pytest_configure(config: pytest.Config) -> None:
    """Let the fixtures join, if the project has specs."""
    if spec_of(config):
        from jobctl.testing.fixtures import join

        join(config)
