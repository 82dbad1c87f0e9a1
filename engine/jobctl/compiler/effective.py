"""A job as it is in force: every value, and where it came from. For `jobctl spec show`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jobctl.durations import format_duration
from jobctl.errors import Location, UnknownJob
from jobctl.names import did_you_mean
from jobctl.spec import Spec
from jobctl.spec.fields import BACKOFF, JOB, QUEUE
from jobctl.spec.kinds import Duration
from jobctl.spec.model import NO_DEFAULT, Cron, JobSpec, PayloadField, Unique
from jobctl.spec.sections import Field

BUILT_IN: Final = "built-in"
_APART: Final = frozenset({"backoff", "unique", "payload", "cron", "timezone", "catch_up", "lint"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from.

    Attributes:
        kind: ``spec``, ``defaults``, ``environment``, ``flag`` or ``built-in``.
        location: in a spec file, or None.
        name: of the variable or flag, or "".
    """

    kind: str
    location: Location | None = None
    name: str = ""

    def __str__(self) -> str:
        place = f"{self.location.file}:{self.location.line}" if self.location else self.name
        if self.kind == "defaults":
            return f"{place} (defaults)"
        return place or self.kind


@dataclass(frozen=True, slots=True)
class Setting:
    """One value in force; ``value`` is written as a spec would have it."""

    key: str
    value: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Override:
    """A weight from outside of the spec."""

    weight: int
    origin: Origin


def effective(spec: Spec, name: str, overrides: Mapping[str, Override] | None = None) -> list[Setting]:
    """Return all values of a job in the order of the table of fields, and those of its queue.

    Args:
        name: of the job, or its type.
        overrides: queue -> weight from the environment or a flag.

    Raises:
        UnknownJob: there is no such job; the hint names the nearest.
    """
    job = _find(spec, name)
    return [
        *_values(job),
        *_backoff(job),
        *_unique(job),
        *_payload(job),
        *_crons(job),
        *_queue(spec, job, overrides or {}),
    ]


def _find(spec: Spec, name: str) -> JobSpec:
    found = next((job for job in spec.jobs if name in (job.name, job.type)), None)
    if found is None:
        known = [word for job in spec.jobs for word in (job.name, job.type)]
        hint = did_you_mean(name, known) or "declared jobs: " + ", ".join(sorted(job.name for job in spec.jobs))
        raise UnknownJob(f"no job `{name}` is declared", hint=hint)
    return found


def _values(job: JobSpec) -> Iterator[Setting]:
    for field in JOB.fields:
        if field.name not in _APART:
            yield Setting(
                field.name, _written(field, getattr(job, field.attribute or field.name)), _origin(job, field.name)
            )


def _backoff(job: JobSpec) -> Iterator[Setting]:
    for field in BACKOFF.fields:
        key = f"backoff.{field.name}"
        yield Setting(key, _written(field, getattr(job.backoff, field.attribute or field.name)), _origin(job, key))


def _unique(job: JobSpec) -> Iterator[Setting]:
    yield Setting("unique", "none" if job.unique is None else _unique_text(job.unique), _origin(job, "unique"))


def _unique_text(unique: Unique) -> str:
    by = f"by [{', '.join(unique.by)}]" if unique.by else "by the whole payload"
    return f"{by}, {f'for {format_duration(unique.for_s)}' if unique.for_s is not None else 'until it ends'}"


def _payload(job: JobSpec) -> Iterator[Setting]:
    for field in job.payload:
        yield Setting(f"payload.{field.name}", _field_text(field), Origin("spec", field.location))


def _field_text(field: PayloadField) -> str:
    items = f" of {field.items.type}" if field.items is not None else ""
    parts = [f"{field.type}{items}", "required" if field.required else "optional"]
    if field.default is not NO_DEFAULT:
        shown = "***" if field.secret else json.dumps(field.default, ensure_ascii=False)
        parts.append(f"default {shown}")
    if field.choices:
        parts.append(f"one of {', '.join(field.choices)}")
    if field.secret:
        parts.append("secret")
    return ", ".join(parts)


def _crons(job: JobSpec) -> Iterator[Setting]:
    for cron in job.cron:
        origin = Origin("spec", cron.location) if cron.location else _origin(job, "cron")
        key = "cron" if cron.id == job.name else f"cron {cron.id.rpartition('/')[2]}"
        yield Setting(key, _cron_text(cron), origin)


def _cron_text(cron: Cron) -> str:
    parts = [cron.expression, cron.timezone, f"catch_up {cron.catch_up}", f"overlap {cron.overlap}"]
    if cron.catch_up_window_s:
        parts.append(f"window {format_duration(cron.catch_up_window_s)}")
    if cron.jitter_s:
        parts.append(f"jitter {format_duration(cron.jitter_s)}")
    return ", ".join(parts)


def _queue(spec: Spec, job: JobSpec, overrides: Mapping[str, Override]) -> Iterator[Setting]:
    declared = next(queue for queue in spec.queues if queue.name == job.queue)
    place = Origin("spec", declared.location) if declared.location else Origin(BUILT_IN)
    override = overrides.get(job.queue)
    for field in QUEUE.fields:
        value = getattr(declared, field.attribute or field.name)
        key = f"queues.{job.queue}.{field.name}"
        if field.name == "weight" and override is not None:
            yield Setting(key, str(override.weight), override.origin)
        else:
            is_said = field.name == "weight" or (value is not None and _written(field, value) != field.default)
            yield Setting(key, _written(field, value), place if is_said else Origin(BUILT_IN))


def _origin(job: JobSpec, key: str) -> Origin:
    place = job.places.get(key)
    if place is None:
        return Origin(BUILT_IN)
    return Origin("defaults" if place.is_default else "spec", place.location)


def _written(field: Field, value: Any) -> str:
    """Return a value as a spec would have it."""
    if value is None:
        return "none"
    if isinstance(field.kind, Duration):
        word = next((word for word, seconds in field.kind.words.items() if seconds == value), None)
        return word or format_duration(value)
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
