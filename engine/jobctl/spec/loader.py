"""Load a spec: read all files, gather all problems, and return the model only if there are none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jobctl.spec.diagnostics import Diagnostic, SpecErrors
from jobctl.spec.gathering import Gathering
from jobctl.spec.model import DEFAULT_QUEUE, QueueSpec, Spec
from jobctl.spec.source import read_sources


def load(path: str | Path | Sequence[str | Path]) -> Spec:
    """Read a spec from a file, a folder, or several of them.

    Args:
        path: YAML files, or folders of which every ``*.yaml`` and ``*.yml`` is read; together they are one spec.

    Raises:
        SpecErrors: with every problem of every file; a spec is used only if there is none.
    """
    unreadable: list[Diagnostic] = []
    sources = read_sources(path, unreadable)
    gathering = Gathering()
    for source in sources:
        gathering.add(source)
    gathering.check_across(is_complete=not unreadable)
    problems = gathering.problems.found
    if unreadable or problems:
        order = {source.name: index for index, source in enumerate(sources)}
        raise SpecErrors([*unreadable, *sorted(problems, key=lambda problem: _place(problem, order))])
    return Spec(
        queues=tuple(gathering.queues.values()) or (QueueSpec(name=DEFAULT_QUEUE),),
        jobs=tuple(declared.job for declared in gathering.jobs),
        scheduling=gathering.scheduling,
        hooks=gathering.hooks,
        hook_locations=gathering.hook_locations,
        files=tuple(source.name for source in sources),
    )


def _place(diagnostic: Diagnostic, order: dict[str, int]) -> tuple[int, int, int]:
    place = diagnostic.location
    return (order.get(place.file, 0), place.line, place.column) if place else (-1, 0, 0)
