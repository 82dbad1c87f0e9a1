"""Where a test process finds the specs of its project, when it does not say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan

_chosen: list[str] = []

Spec = str | Path | Sequence[str | Path]


def choose_spec(paths: Sequence[str]) -> None:
    """Let these be the specs of this process; the pytest plugin does, by its configuration."""
    _chosen[:] = paths


def spec_paths(spec: Spec | None = None) -> list[str]:
    """Return the paths of the specs that are meant: these, or the process's own."""
    if spec is None:
        return list(_chosen) or [os.environ.get("JOBCTL_SPEC") or "jobspecs"]
    return [str(spec)] if isinstance(spec, str | Path) else [str(path) for path in spec]


def plan_of(spec: Spec | None = None) -> Plan:
    """Return the plan of the specs, compiled once a process.

    Raises:
        SpecErrors: the specs have problems.
    """
    return _plan_at(tuple(spec_paths(spec)))


def forget_plans() -> None:
    """Read the specs anew from now on: they may have changed."""
    _plan_at.cache_clear()


@cache
def _plan_at(paths: tuple[str, ...]) -> Plan:
    from jobctl.compiler import load_plan

    return load_plan(paths)
