"""What a filter can ask about: every field, its kind, and where a job has it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from jobctl.durations import parse_duration
from jobctl.inspector.filters.expression import Value
from jobctl.inspector.query import moment_ms
from jobctl.names import did_you_mean
from jobctl.records import JobRecord, JobState

PAYLOAD = "payload."
EQUALITY: Final = ("=", "!=")
CONTAINS: Final = ("~", "!~")
ORDER: Final = ("<", "<=", ">", ">=")


class Kind(StrEnum):
    """How the values of a field are read and compared."""

    STATE = "state"
    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    FLAG = "flag"
    PAYLOAD = "payload"

    @property
    def ops(self) -> tuple[str, ...]:
        """The operators that go with it."""
        match self:
            case Kind.STATE | Kind.FLAG:
                return EQUALITY
            case Kind.TEXT:
                return EQUALITY + CONTAINS
            case Kind.NUMBER:
                return EQUALITY + ORDER
            case Kind.DURATION:
                return ORDER
        return EQUALITY + CONTAINS + ORDER


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a filter can ask about.

    Attributes:
        name: as it is written.
        kind: how it is compared.
        help: one line for readers.
        example: a condition with it.
        read: returns it from a record: for texts all that count, for durations seconds, None where it is not known.
            It is given the time, ms since the epoch.
    """

    name: str
    kind: Kind
    help: str
    example: str
    read: Callable[[JobRecord, float], Any]


def error_text(record: JobRecord) -> str:
    """Return the error a job ended with, or that of its latest attempt while it goes on."""
    if record.error is not None or record.state.is_final or not record.history:
        return str(record.error or "")
    return record.history[-1].error or ""


def _age(record: JobRecord, now_ms: float) -> float | None:
    moment = moment_ms(record)
    return (now_ms - moment) / 1000 if moment > 0 else None


def _seconds(read_ms: Callable[[JobRecord], int | None]) -> Callable[[JobRecord, float], Any]:
    def read(job: JobRecord, _: float) -> float | None:
        ms = read_ms(job)
        return None if ms is None else ms / 1000

    return read


def _text(read: Callable[[JobRecord], str | None]) -> Callable[[JobRecord, float], Any]:
    return lambda job, _: (read(job) or "",)


def _fact(read: Callable[[JobRecord], Any]) -> Callable[[JobRecord, float], Any]:
    return lambda job, _: read(job)


_ALL: Final = (
    ("state", Kind.STATE, "what became of it so far", "state=dead,retrying", _fact(lambda job: job.state)),
    ("queue", Kind.TEXT, "the queue it is in", "queue=low", _text(lambda job: job.queue)),
    ("type", Kind.TEXT, "its wire type, or its job's name", "type=tenant:*", _text(lambda job: job.type)),
    ("key", Kind.TEXT, "its key", "key=1a20a3*", _text(lambda job: job.key)),
    ("tag", Kind.TEXT, "its tags, from the spec or its enqueue", "tag=billing", _fact(lambda job: job.tags)),
    ("error", Kind.TEXT, "its latest error", 'error~"timed out"', _text(error_text)),
    ("age", Kind.DURATION, "since it ended, started (if it runs) or was enqueued", "age<1h", _age),
    ("waited", Kind.DURATION, "from enqueue to its latest start", "waited>5m", _seconds(lambda job: job.wait_ms)),
    ("ran", Kind.DURATION, "how long its latest attempt took", "ran>=30s", _seconds(lambda job: job.run_ms)),
    ("attempts", Kind.NUMBER, "attempts that have ended", "attempts>=3", _fact(lambda job: job.attempts)),
    ("crashes", Kind.NUMBER, "deliveries lost with their worker", "crashes>0", _fact(lambda job: job.crashes)),
    ("worker", Kind.TEXT, "the worker that has or had it", "worker=bc2955*", _text(lambda job: job.worker)),
    ("schedule", Kind.TEXT, "the schedule that made it", "schedule=daily-*", _text(lambda job: job.schedule)),
    ("origin", Kind.TEXT, "the job it replays", "origin=1a20a3227bda", _text(lambda job: job.origin)),
    ("replayed", Kind.FLAG, "whether it has been replayed", "replayed=true", _fact(lambda job: bool(job.replays))),
)
FIELDS: Final = {name: Field(name, kind, text, example, read) for name, kind, text, example, read in _ALL}
ALSO_CALLED: Final = {
    **dict.fromkeys(("job", "function", "name"), "type"),
    **dict.fromkeys(("kwargs", "payload", "args"), "payload.NAME"),
    **dict.fromkeys(("retries", "tried"), "attempts"),
    "errors": "error",
    "id": "key",
    "status": "state",
    "tags": "tag",
}


def find_field(name: str) -> Field | None:
    """Return the field of this name, or None; any ``payload.PATH`` is one."""
    if not name.startswith(PAYLOAD):
        return FIELDS.get(name)
    path = name[len(PAYLOAD) :].split(".")
    if not all(path):
        return None
    return Field(
        name, Kind.PAYLOAD, "a field of its payload", "payload.id=7", lambda job, _: _inside(job.payload, path)
    )


def unknown_field_hint(name: str) -> str:
    """Return what was most likely meant by a name that is no field."""
    if name in ALSO_CALLED:
        return f"did you mean `{ALSO_CALLED[name]}`?"
    return did_you_mean(name, FIELDS) or f"fields: {', '.join(FIELDS)}, payload.NAME"


def check_value(field: Field, op: str, value: Value) -> None:
    """Make sure that a field can be compared with a value.

    Raises:
        ValueError: it cannot; the message says what the field takes. Its attribute ``hint`` may say more.
    """
    match field.kind:
        case Kind.STATE:
            if value.text not in set(JobState):
                _refuse(f"`{value.text}` is no state", did_you_mean(value.text, JobState) or _listed(JobState))
        case Kind.DURATION:
            parse_duration(value.text)
        case Kind.NUMBER:
            if number(value.text) is None:
                _refuse(f"`{value.text}` is not a number", None)
        case Kind.FLAG:
            if value.text not in ("true", "false"):
                _refuse(f"`{value.text}` is neither `true` nor `false`", None)
        case _ if op in ORDER and value.is_pattern:
            _refuse(f"`{value.text}` has a wildcard, which nothing is smaller or greater than", "quote a literal `*`")


def number(text: str) -> float | int | None:
    """Return the number a text is in JSON's notation, or None."""
    try:
        return int(text) if text.lstrip("-").isdecimal() and text.isascii() and len(text) < 400 else _real(text)
    except ValueError:
        return None


def _real(text: str) -> float | None:
    # `float` reads more than JSON writes: nan, inf, 1_000
    return float(text) if text.isascii() and text[:1] in set("-0123456789") and "_" not in text else None


def _inside(value: Any, path: Iterable[str]) -> Any:
    """Return what stands in a payload under a path: names of objects, positions of lists; MISSING if nothing does."""
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif (
            isinstance(value, list)
            and step.isdecimal()
            and step.isascii()
            and len(step) < 10
            and int(step) < len(value)
        ):
            value = value[int(step)]
        else:
            return MISSING
    return value


class _Missing:
    __slots__ = ()


MISSING: Final = _Missing()
"""What a payload has where it has nothing: it equals no value, not even null."""


def _refuse(message: str, hint: str | None) -> None:
    error = ValueError(message)
    error.hint = hint  # type: ignore[attr-defined]
    raise error


def _listed(words: Iterable[str]) -> str:
    return "one of " + ", ".join(words)
