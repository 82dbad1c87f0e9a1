"""The shape of a spec: which section stands where. With the table of fields this is all there is to know of a spec.

Paths are written as people write them: `jobs.retries` is a key of any job, `jobs.payload.min` one of any field.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from jobctl.errors import UsageError
from jobctl.names import nearest
from jobctl.spec.fields import ALERT, BACKOFF, CRON, DEFAULTS, HOOKS, JOB, LINT, PAYLOAD_FIELD, QUEUE, SPEC, UNIQUE
from jobctl.spec.sections import Field, Section


class Shape(Enum):
    """How a section stands under its key."""

    ONE = "a mapping"
    MAP = "a mapping of names to it"
    LIST = "one, or a list of them"


@dataclass(frozen=True, slots=True)
class Inner:
    """The section that a key holds.

    Attributes:
        has_short: a plain value is good as well, such as a weight for a queue.
    """

    section: Section
    shape: Shape = Shape.ONE
    has_short: bool = False


_INNER = {
    (SPEC.label, "queues"): Inner(QUEUE, Shape.MAP, has_short=True),
    (SPEC.label, "defaults"): Inner(DEFAULTS),
    (SPEC.label, "hooks"): Inner(HOOKS),
    (SPEC.label, "alerts"): Inner(ALERT, Shape.MAP),
    (SPEC.label, "jobs"): Inner(JOB, Shape.MAP),
    (SPEC.label, "lint"): Inner(LINT),
    (DEFAULTS.label, "backoff"): Inner(BACKOFF),
    (JOB.label, "backoff"): Inner(BACKOFF),
    (JOB.label, "unique"): Inner(UNIQUE),
    (JOB.label, "payload"): Inner(PAYLOAD_FIELD, Shape.MAP, has_short=True),
    (JOB.label, "cron"): Inner(CRON, Shape.LIST, has_short=True),
    (JOB.label, "lint"): Inner(LINT),
    (PAYLOAD_FIELD.label, "items"): Inner(PAYLOAD_FIELD, has_short=True),
    (PAYLOAD_FIELD.label, "fields"): Inner(PAYLOAD_FIELD, Shape.MAP, has_short=True),
}


def inner(section: Section, name: str) -> Inner | None:
    """Return the section that a key of a section holds, or None for a plain value."""
    return _INNER.get((section.label, name))


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of the language, wherever it stands.

    Attributes:
        path: without the names that a spec chooses: ``jobs.payload.min``.
    """

    path: str
    field: Field
    inner: Inner | None


def entries(section: Section = SPEC, above: str = "") -> Iterator[Entry]:
    """Yield all keys of the language in the order of the table; what holds itself is not entered again."""
    for field in section.fields:
        below = inner(section, field.name)
        path = f"{above}{field.name}"
        yield Entry(path, field, below)
        if below is not None and below.section is not section:
            yield from entries(below.section, f"{path}.")


def find(path: str) -> Entry:
    """Return the key that a path means.

    Names that a spec chooses may stand in it (`jobs.tenant-init.retries`), and the beginning may be left out where
    only one key ends so (`backoff.delay`, `retries`).

    Raises:
        UsageError: there is no such key, or several; the hint names them.
    """
    known = {entry.path: entry for entry in entries()}
    words = [word.partition("[")[0] for word in path.strip(".").split(".")]
    asked = ".".join(words)
    if asked not in known:
        asked = _without_names(words)
    if asked in known:
        return known[asked]
    ending = [entry for entry in known.values() if entry.path.endswith(f".{asked}")]
    jobs_own = [entry for entry in ending if entry.path.startswith("jobs.")]
    for found in (ending, jobs_own, [entry for entry in jobs_own if entry.path.count(".") == asked.count(".") + 1]):
        if len(found) == 1:
            return found[0]
    if ending:
        hint = "there are " + ", ".join(f"`{entry.path}`" for entry in ending)
        raise UsageError(f"`{path}` may mean several keys", hint=hint, code="usage.ambiguous")
    last = asked.rpartition(".")[2]
    meant = nearest(asked, known) or next(
        (entry.path for entry in known.values() if last in entry.field.misnomers), None
    )
    hint = f"did you mean `{meant}`?" if meant else "`jobctl spec explain` lists them all"
    raise UsageError(f"a spec has no key `{path}`", hint=hint, code="usage.unknown-key")


def _without_names(words: list[str]) -> str:
    """Return a path without the names of queues, jobs and fields in it, if it is written from the top."""
    section: Section | None = SPEC
    kept: list[str] = []
    may_be_name = False
    for place, word in enumerate(words):
        known = {one.name for one in section.fields} if section is not None else set()
        if may_be_name:
            may_be_name = False
            following = words[place + 1 : place + 2]
            if following and (word not in known or following[0] in known):
                continue
        kept.append(word)
        below = inner(section, word) if section is not None else None
        section = below.section if below is not None else None
        may_be_name = below is not None and below.shape is Shape.MAP
    return ".".join(kept)
