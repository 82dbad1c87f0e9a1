"""Load a spec: read all files, gather all problems, and return the model only if there are none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobctl.spec.diagnostics import Diagnostic, SpecErrors
from jobctl.spec.gathering import Gathering
from jobctl.spec.model import DEFAULT_QUEUE, QueueSpec, Spec
from jobctl.spec.source import read_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What could be made of a spec.

    Attributes:
        spec: everything that is good; where a value is at fault its default stands.
        diagnostics: every problem, in the order of files, lines and columns.
        unsure: names of the jobs whose payload is at fault, so that nothing can be said of their handlers' signatures.
    """

    spec: Spec
    diagnostics: tuple[Diagnostic, ...]
    unsure: frozenset[str]


def load(path: str | Path | Sequence[str | Path]) -> Spec:
    """Read a spec from a file, a folder, or several of them.

    Args:
        path: YAML files, or folders of which every ``*.yaml`` and ``*.yml`` is read; together they are one spec.

    Raises:
        SpecErrors: with every problem of every file; a spec is used only if there is none.
    """
    examined = examine(path)
    if examined.diagnostics:
        raise SpecErrors(examined.diagnostics)
    return examined.spec


def examine(path: str | Path | Sequence[str | Path]) -> Examined:
    """Read a spec as `load` does, and return what is good of it together with its problems."""
    unreadable: list[Diagnostic] = []
    sources = read_sources(path, unreadable)
    gathering = Gathering()
    for source in sources:
        gathering.add(source)
    gathering.check_across(is_complete=not unreadable)
    files = tuple(source.name for source in sources)
    spec = Spec(
        queues=tuple(gathering.queues.values()) or (QueueSpec(name=DEFAULT_QUEUE),),
        jobs=tuple(declared.job for declared in gathering.jobs),
        scheduling=gathering.scheduling,
        hooks=gathering.hooks,
        thresholds=gathering.thresholds,
        hook_locations=gathering.hook_locations,
        alerts=tuple(declared.alert for declared in gathering.alerts.declared),
        files=files,
    )
    return Examined(
        spec=spec,
        diagnostics=in_order([*unreadable, *gathering.problems.found], files),
        unsure=frozenset(declared.job.name for declared in gathering.jobs if not declared.is_payload_known),
    )


def in_order(diagnostics: Iterable[Diagnostic], files: Sequence[str]) -> tuple[Diagnostic, ...]:
    """Return diagnostics in the order of files, lines and columns; those without a place come first."""
    order = {name: index for index, name in enumerate(files)}

    def place(diagnostic: Diagnostic) -> tuple[int, int, int]:
        at = diagnostic.location
        return (order.get(at.file, 0), at.line, at.column) if at else (-1, 0, 0)

    return tuple(sorted(diagnostics, key=place))
