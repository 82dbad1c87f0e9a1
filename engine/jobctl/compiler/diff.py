"""The difference between two plans: what a worker of the one would do otherwise than a worker of the other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_KINDS: Final = {"queues": "queue", "jobs": "job", "schedules": "schedule"}
_NOWHERE: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value that changes; None = it is not there.

    Attributes:
        field: dotted: ``backoff.delay_s``, ``payload.id.type``. Names ending in ``_s`` are seconds, ``_ms`` moments.
    """

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is added, changed or removed.

    Attributes:
        verb: ``added``, ``changed`` or ``removed``.
        kind: ``queue``, ``job``, ``schedule``, ``hook``, ``scheduling`` or ``secret``.
        name: of the thing, "" where there is only one.
        fields: what changes in it; empty unless changed.
    """

    verb: str
    kind: str
    name: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes from one plan to another.

    Attributes:
        changes: queues, jobs, schedules, hooks, in the order of the plan they are in.
        lost_types: wire types that the one serves and the other does not: jobs of them that wait would not run.
        lost_queues: queues that nobody would serve any more.
    """

    changes: tuple[Change, ...]
    lost_types: tuple[str, ...]
    lost_queues: tuple[str, ...]

    def of(self, kind: str, verb: str | None = None) -> list[Change]:
        """Return the changes of a kind."""
        return [one for one in self.changes if one.kind == kind and verb in (None, one.verb)]


def diff(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Difference:
    """Compare the facts of two plans (see `jobctl.compiler.facts`).

    Args:
        before: None = there is no plan: everything is added.
        after: the plan that would take its place.
    """
    before = before or _NOWHERE
    changes = [one for part, kind in _KINDS.items() for one in _things(kind, before.get(part, {}), after[part])]
    changes += _hooks(before.get("hooks", {}), after["hooks"])
    if before and before.get("scheduling") != after["scheduling"]:
        mode = FieldChange("scheduling", before.get("scheduling"), after["scheduling"])
        changes.append(Change("changed", "scheduling", "", (mode,)))
    if before and not changes and before.get("fingerprint") != after["fingerprint"]:
        changes.append(Change("changed", "secret", ""))  # all that the facts do not tell
    return Difference(
        changes=tuple(changes),
        lost_types=tuple(sorted(_types(before) - _types(after))),
        lost_queues=tuple(name for name in before.get("queues", {}) if name not in after["queues"]),
    )


def _types(facts: Mapping[str, Any]) -> set[str]:
    return {job["type"] for job in facts.get("jobs", {}).values()}


def _things(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name, values in after.items():
        if name not in before:
            yield Change("added", kind, name)
        elif fields := tuple(_fields(before[name], values)):
            yield Change("changed", kind, name, fields)
    for name in before:
        if name not in after:
            yield Change("removed", kind, name)


def _hooks(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name, path in after.items():
        old = before.get(name)
        if old != path:
            verb = "added" if old is None else "removed" if path is None else "changed"
            yield Change(verb, "hook", name, (FieldChange("function", old, path),))


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    old, new = dict(_flat(before)), dict(_flat(after))
    for name in [*new, *(name for name in old if name not in new)]:
        if old.get(name) != new.get(name):
            yield FieldChange(name, old.get(name), new.get(name))


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{name}.")
        else:
            # nothing said and nothing there are the same: a later version's new field is no change
            yield f"{above}{name}", None if value in ({}, [], "", None) else value
