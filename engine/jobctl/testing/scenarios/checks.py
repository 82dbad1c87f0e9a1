"""Comparing what came of a scenario with what was expected. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobctl.compiler.plan import Plan
from jobctl.durations import format_duration
from jobctl.records import JobRecord, JobState
from jobctl.testing.ran import Ran, Runs
from jobctl.testing.scenarios.model import Expected, Mismatch
from jobctl.testing.scenarios.scripted import Failed

WAITING = (JobState.QUEUED, JobState.SCHEDULED, JobState.RETRYING)
NEAR_S = 0.0015  # the broker keeps milliseconds
LATE_S = 1.0  # the due time of a delayed job may be rounded up to a whole second, as SAQ keeps it
MOST_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What came of it: every run since the start, and the records by key."""

    plan: Plan
    ran: Runs
    records: Mapping[str, JobRecord]
    start: datetime


def check(expected: Expected, world: World) -> list[Mismatch]:
    """Return what is not as expected, in the order of the file."""
    found: list[Mismatch] = []

    def differ(what: str, wanted: Any, got: Any, details: tuple[str, ...] = ()) -> None:
        found.append(
            Mismatch(
                at_s=expected.at_s, line=expected.line, what=what, expected=str(wanted), got=str(got), details=details
            )
        )

    for name, wanted in expected.jobs.items():
        runs = [ran for ran in world.ran if ran.key == name]
        for key, value in wanted.items():
            fits, got = _of_job(key, value, runs, world, name)
            if not fits:
                differ(f"{name}: {key}", _shown(value), got, _history(runs, world))
    for what, counts, seen in (
        ("ran", expected.ran, Counter(ran.job for ran in world.ran)),
        ("ticks", expected.ticks, _ticks(world)),
        ("waiting", expected.waiting, _waiting(world)),
        ("states", expected.states, Counter(str(record.state) for record in world.records.values())),
        ("shares", expected.shares, Counter(ran.queue for ran in world.ran[: expected.shares_of])),
    ):
        for name, count in counts.items():
            if seen[name] != count:
                of = f" of the first {expected.shares_of} starts" if what == "shares" else ""
                differ(f"{what}: {name}", f"{count}{of}", f"{seen[name]}{of}")
    return found


def _of_job(key: str, wanted: Any, runs: list[Ran], world: World, name: str) -> tuple[bool, str]:
    record = world.records.get(name)
    if key == "delays":
        delays = [(ran, ran.retry_in_s) for ran in runs if ran.retry_in_s is not None]
        fits = len(delays) == len(wanted) and all(
            _is_delay(full_s, got_s, ran, world) for full_s, (ran, got_s) in zip(wanted, delays, strict=True)
        )
        return fits, _shown([got_s for _, got_s in delays])
    if key == "ran_at":
        times = [(ran.at - world.start).total_seconds() for ran in runs]
        fits = len(times) == len(wanted) and all(
            -NEAR_S <= got_s - at_s <= LATE_S for at_s, got_s in zip(wanted, times, strict=True)
        )
        return fits, _shown(times)
    if record is None:
        return False, "there is no record of it (any more)"
    got = {"state": str(record.state), "attempts": record.attempts, "crashes": record.crashes}[key]
    return got == wanted, str(got)


def _is_delay(full_s: float, got_s: float, ran: Ran, world: World) -> bool:
    """Whether a delay is the one that is written down, which is without its jitter."""
    jitter = world.plan.registration(ran.type).backoff.jitter
    return full_s * (1 - jitter) - NEAR_S <= got_s <= full_s + NEAR_S


def _ticks(world: World) -> Counter[str]:
    made = {(ran.key.split(":")[1], ran.key) for ran in world.ran if ran.key.startswith("cron:")}
    made |= {(record.schedule, record.key) for record in world.records.values() if record.schedule}
    return Counter(schedule for schedule, _ in made)


def _waiting(world: World) -> Counter[str]:
    names = {job.type: job.name for job in world.plan.registrations}
    return Counter(names.get(one.type, one.type) for one in world.records.values() if one.state in WAITING)


def _history(runs: list[Ran], world: World) -> tuple[str, ...]:
    lines = [f"{format_duration(round((ran.at - world.start).total_seconds(), 3)):>8}  {_told(ran)}" for ran in runs]
    if len(lines) > MOST_SHOWN:
        lines = [*lines[:MOST_SHOWN], f"and {len(lines) - MOST_SHOWN} more runs"]
    return tuple(lines) or ("it has not run",)


def _told(ran: Ran) -> str:
    return str(ran).replace(f"{Failed.__module__}.{Failed.__qualname__}: ", "")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(format_duration(round(one, 3)) for one in value) + "]"
    return str(value)
