"""Lint: what is valid in a spec and yet most likely not meant. Each warning has a code that a spec can silence."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from jobctl.compiler.handlers import word_at
from jobctl.durations import format_duration, parse_duration
from jobctl.errors import Location
from jobctl.spec import Diagnostic, Spec
from jobctl.spec.cron import EVERY, is_hourly, spell_out
from jobctl.spec.model import AlertCondition, Backoff, Cron, FieldType, JobSpec, LintCode, Overlap, PayloadField
from jobctl.spec.source import read_line

LOOK_AHEAD = timedelta(days=2 * 366)  # clock changes come round every year; rules beyond that are guesses
FIRINGS = 100  # of a schedule that are looked at for the shortest gap between two
SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|passphrase|secret|token|api_?key|private_?key|access_?key|credentials?|cvv|cvc"
    r"|card_number|iban|ssn|otp)$"
)
_HOLDS_SECRETS = frozenset({FieldType.STRING, FieldType.LIST, FieldType.OBJECT})


@dataclass(frozen=True, slots=True)
class _Finding:
    code: LintCode
    message: str
    place: Location | None
    hint: str


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What a rule needs to know beside the job."""

    spec: Spec
    now: datetime
    are_handlers_known: bool

    @property
    def heaviest(self) -> str | None:
        """The one queue that is heavier than all others."""
        weights = sorted((queue.weight, queue.name) for queue in self.spec.queues)
        return weights[-1][1] if len(weights) > 1 and weights[-1][0] > weights[-2][0] else None

    def tells_of_death(self, job: JobSpec) -> bool:
        """Whether an alert is told when this job dies."""
        return any(
            one.when is AlertCondition.DEAD
            and (not one.jobs or job.name in one.jobs)
            and (not one.queues or job.queue in one.queues)
            for one in self.spec.alerts
        )


def lint(spec: Spec, *, now: datetime, are_handlers_known: bool = True) -> list[Diagnostic]:
    """Return the warnings about a valid spec, in the order of its jobs; those it silences are left out.

    Args:
        now: clock changes of the two years from here on count.
        are_handlers_known: the handlers have been imported; otherwise their modules are looked for, without importing.
    """
    around = _Surroundings(spec, now, are_handlers_known)
    return [
        _diagnose(finding)
        for job in spec.jobs
        for rule in RULES
        for finding in rule(job, around)
        if finding.code not in job.lint
    ]


def _handler(job: JobSpec, around: _Surroundings) -> Iterator[_Finding]:
    module = job.handler.partition(":")[0]
    if around.are_handlers_known or _is_findable(module):
        return
    yield _Finding(
        LintCode.HANDLER_NOT_IMPORTABLE,
        f"module `{module}` of the handler of job `{job.name}` is not found",
        job.handler_location,
        "run it where the application is installed, or from the folder that holds it",
    )


def _is_findable(module: str) -> bool:
    """Whether a module's file is there; nothing is imported, its packages neither."""
    where: Sequence[str] | None = None
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        name = ".".join(parts[:end])
        found = None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            found = find(name, where, None) if find else None
            if found is not None:
                break
        if found is None:
            return False
        where = found.submodule_search_locations
        if where is None and end < len(parts):
            return False
    return True


def _cron_dst(job: JobSpec, around: _Surroundings) -> Iterator[_Finding]:
    for cron in job.cron:
        if cron.timezone == "UTC" or is_hourly(cron.expression):
            continue  # goes by elapsed time and misses nothing
        for start, length in _gaps(cron.timezone, around.now):
            skipped = next(_firings(cron.expression, start - timedelta(seconds=1)), None)
            if skipped is not None and skipped < start + length:
                yield _Finding(
                    LintCode.CRON_DST,
                    f"job `{job.name}` is to run at {skipped:%H:%M}, which {cron.timezone} does not have"
                    f" on {skipped:%Y-%m-%d}",
                    _cron_place(job, cron),
                    f"on that day it runs at {start + length:%H:%M}; choose another hour, or `timezone: UTC`",
                )
                break


def _gaps(timezone: str, now: datetime) -> Iterator[tuple[datetime, timedelta]]:
    """Yield ``(wall-clock time that is skipped first, length)`` of the coming forward changes of a zone's clock."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(timezone)
    day = timedelta(days=1)
    early = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = early + LOOK_AHEAD
    while early < end:
        late = early + day
        before, after = _offset(early, zone), _offset(late, zone)
        if after > before:
            low, high = early, late
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
            moment = high.replace(second=0, microsecond=0)
            yield (moment + before).replace(tzinfo=None), after - before
        early = late


def _offset(moment: datetime, zone: object) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)  # type: ignore[arg-type]


def _firings(expression: str, after: datetime) -> Iterator[datetime]:
    """Yield the wall-clock times of a cron expression, as far as they come within reach."""
    from croniter import croniter

    walk = croniter(spell_out(expression), after, ret_type=datetime, second_at_beginning=True)
    while True:
        try:
            firing = walk.get_next()
        except ValueError:  # none in the next fifty years
            return
        if firing > after + LOOK_AHEAD:
            return
        yield firing


def _cron_overlap(job: JobSpec, around: _Surroundings) -> Iterator[_Finding]:
    if job.unique is not None:
        return  # a tick that finds its predecessor unfinished is skipped
    for cron in job.cron:
        if cron.overlap is not Overlap.ALLOW:
            continue
        shortest_s = _shortest_s(cron, around.now)
        if shortest_s is None or (job.timeout_s and shortest_s >= job.timeout_s):
            continue
        limit = format_duration(job.timeout_s) if job.timeout_s else "without end"
        yield _Finding(
            LintCode.CRON_OVERLAP,
            f"job `{job.name}` runs every {format_duration(shortest_s)} and may take {limit}: runs can overlap",
            _cron_place(job, cron),
            "shorten `timeout`, or write `cron: {every: ..., overlap: skip}`",
        )


def _shortest_s(cron: Cron, now: datetime) -> float | None:
    """Return the shortest time between two firings, seconds; None if it does not fire twice within reach."""
    if cron.expression.startswith(EVERY):
        return parse_duration(cron.expression[len(EVERY) :])
    times = _firings(cron.expression, now.replace(tzinfo=None))
    firings = islice(times, FIRINGS)
    return min(((later - earlier).total_seconds() for earlier, later in pairwise(firings)), default=None)


def _backoff(job: JobSpec, _: _Surroundings) -> Iterator[_Finding]:
    total_s = total_backoff_s(job.backoff, job.retries)
    if job.retention_s > 0 and total_s > job.retention_s:
        yield _Finding(
            LintCode.BACKOFF_EXCEEDS_RETENTION,
            f"job `{job.name}` may wait {_roughly(total_s)} for its {job.retries} retries,"
            f" longer than its record is kept ({format_duration(job.retention_s)})",
            _place(job, "retries", "backoff.max", "backoff.delay", "retention"),
            "raise `retention`, or lower `retries` or `backoff.max`",
        )


def total_backoff_s(backoff: Backoff, retries: int) -> float:
    """Return the longest time all retries of a job wait together, seconds."""
    total_s, delay_s = 0.0, backoff.delay_s
    for _ in range(retries):
        total_s += min(delay_s, backoff.max_s)
        delay_s = min(delay_s * backoff.factor, backoff.max_s)
    return total_s


def _roughly(seconds: float) -> str:
    return format_duration(round(seconds / 60) * 60 if seconds > 3600 else round(seconds))


def _unique(job: JobSpec, _: _Surroundings) -> Iterator[_Finding]:
    if job.unique is not None and job.unique.for_s is None:
        yield _Finding(
            LintCode.UNIQUE_WITHOUT_FOR,
            f"the unique lock of job `{job.name}` has no longest time: it is held until the job ends, retries included",
            _place(job, "unique"),
            "add e.g. `for: 1h`",
        )


def _no_alert(job: JobSpec, around: _Surroundings) -> Iterator[_Finding]:
    if job.queue == around.heaviest and not job.alert and not around.tells_of_death(job):
        yield _Finding(
            LintCode.NO_ALERT,
            f"job `{job.name}` is in the heaviest queue `{job.queue}`, and nobody hears of its death",
            job.location,
            "add an alert at the top level, `deaths: {when: dead, to: ...}`, or `alert: dead` to the job",
        )


def _secret(job: JobSpec, _: _Surroundings) -> Iterator[_Finding]:
    for path, field in _open_fields(job.payload, ""):
        if field.type in _HOLDS_SECRETS and SECRET_NAME.search(field.name):
            yield _Finding(
                LintCode.SECRET_FIELD,
                f"field `{path}` of job `{job.name}` looks like a secret and is shown to everybody",
                field.location or _place(job, "payload"),
                f"write `{field.name}: {{type: {field.type}, secret: true}}`",
            )


def _open_fields(fields: Sequence[PayloadField], above: str) -> Iterator[tuple[str, PayloadField]]:
    """Yield all fields that are not secret themselves nor stand in one that is, with their paths."""
    for field in fields:
        if field.secret:
            continue
        path = f"{above}{field.name}"
        yield path, field
        inner = field.fields or (field.items.fields if field.items is not None and not field.items.secret else ())
        yield from _open_fields(inner, f"{path}.")


RULES: tuple[Callable[[JobSpec, _Surroundings], Iterator[_Finding]], ...] = (
    _handler,
    _cron_dst,
    _cron_overlap,
    _backoff,
    _unique,
    _no_alert,
    _secret,
)


def _place(job: JobSpec, *keys: str) -> Location | None:
    """Return where the first of these keys stands, or the job's own place."""
    return next((job.places[key].location for key in keys if key in job.places), job.location)


def _cron_place(job: JobSpec, cron: Cron) -> Location | None:
    return cron.location or _place(job, "cron")


def _diagnose(finding: _Finding) -> Diagnostic:
    place = finding.place
    return Diagnostic(
        code=f"lint.{finding.code}",
        message=finding.message,
        location=place,
        hint=f"{finding.hint}; `lint: {{ignore: [{finding.code}]}}` silences this",
        source=read_line(place) if place else "",
        width=word_at(place),
        severity="warning",
    )
