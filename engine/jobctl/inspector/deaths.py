"""Why jobs died: the dead by type and kind of error, with numbers, ids and quoted texts left out of the messages.

Read page by page, the latest first, so that the broker serves others in between however many there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from jobctl.broker.connect import translate_errors
from jobctl.broker.keys import QueueKeys, split_job_id
from jobctl.broker.record import read_wire
from jobctl.compiler.redact import HIDDEN
from jobctl.inspector.filters.expression import Value
from jobctl.inspector.redaction import mask, secretive_types

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.compiler.plan import Plan

PAGE = 500  # records at once: about a ms of the server's time, and a few MB of errors at most
MESSAGE_LIMIT = 160  # characters of a message that tell one kind of error from another
PIECES = 2  # of a message stand in a filter: errors of one service often begin alike and end in what was wrong
TELLING = 6  # characters; shorter pieces beside the longest tell little
KINDS_LIMIT = 1_000  # kinds told apart; messages that differ every time would be as many as there are jobs
OTHER = "(other messages)"

# What differs between two errors of one kind, the longer before what it is made of.
_VARYING = (
    (re.compile(re.escape(HIDDEN)), HIDDEN),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w"), "<email>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<ip>"),
    (re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`"), "<…>"),
    (re.compile(r"\b(?:0x[0-9a-f]+|(?=[a-f]*\d)[0-9a-f]{8,})\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
)
_PLAIN = re.compile(r"[A-Za-z_][\w.:-]*")
_CLASS = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?=: |:?$)")


class _Dead(msgspec.Struct):
    function: str = ""
    error: str | None = None


_DEAD = msgspec.json.Decoder(_Dead)


@dataclass(slots=True, kw_only=True)
class Kind:
    """The dead jobs of one queue and type that died of one kind of error.

    Attributes:
        error: class of the exception, "" where the error names none.
        message: what it says, with placeholders for what varies.
        first_ms, last_ms: when the earliest and the latest of them died.
        example: key of the latest.
        filter: chooses them, for `jobctl replay` and the others.
    """

    queue: str
    type: str
    error: str
    message: str
    count: int
    first_ms: int
    last_ms: int
    example: str
    filter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaths:
    """What the dead died of.

    Attributes:
        kinds: the most frequent first.
        looked_at: jobs that were read.
        total: dead jobs there are, those left out included.
        gone: whose records had gone meanwhile.
    """

    kinds: tuple[Kind, ...]
    looked_at: int
    total: int
    gone: int


async def summarise(
    redis: Redis,
    queues: Sequence[str],
    *,
    plan: Plan | None = None,
    most: int | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Deaths:
    """Sort the dead of some queues by what they died of. Two round trips for 500 jobs.

    Args:
        redis: the broker.
        queues: which.
        plan: says what in their payloads is secret: it is hidden in the messages, and what varies.
        most: look at so many of each queue at most, the latest; None = at all.
        tell: is told how many have been looked at, and of how many.
    """
    with translate_errors():
        pipe = redis.pipeline(transaction=False)
        for queue in queues:
            pipe.zcard(QueueKeys(queue).dead)
        sizes = dict(zip(queues, await pipe.execute() if queues else (), strict=True))
    wanted = sum(min(size, most) if most is not None else size for size in sizes.values())
    kinds: dict[tuple[str, str, str, str], Kind] = {}
    secretive = secretive_types(plan)
    looked_at = gone = 0
    for queue, size in sizes.items():
        limit = size if most is None else min(size, most)
        for start in range(0, limit, PAGE):
            with translate_errors():
                page = await redis.zrange(
                    QueueKeys(queue).dead, start, min(start + PAGE, limit) - 1, desc=True, withscores=True
                )
                raws = await redis.mget([job_id for job_id, _ in page]) if page else []
            for (job_id, at_ms), raw in zip(page, raws, strict=True):
                if raw is None:
                    gone += 1
                    continue
                dead = _read(raw)
                error = dead.error or ""
                if plan is not None and dead.function in secretive:
                    error = _without_secrets(error, raw, plan)
                _count(kinds, queue, split_job_id(job_id.decode())[1], int(at_ms), dead.function, error)
            looked_at += len(page)
            if tell is not None:
                tell(looked_at, wanted)
    return Deaths(
        kinds=tuple(sorted(kinds.values(), key=lambda kind: (-kind.count, -kind.last_ms))),
        looked_at=looked_at,
        total=sum(sizes.values()),
        gone=gone,
    )


def _read(raw: bytes) -> _Dead:
    try:
        return _DEAD.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Dead(error="the record cannot be read")


def _without_secrets(error: str, raw: bytes, plan: Plan) -> str:
    try:
        job = read_wire(raw)
    except ValueError:  # a payload that is none: what in it is secret cannot be told
        return HIDDEN
    return str(mask(error, job.function, job.kwargs or {}, plan))


def _count(
    kinds: dict[tuple[str, str, str, str], Kind], queue: str, key: str, at_ms: int, job_type: str, told: str
) -> None:
    line = telling_line(told)
    error, message = kind_of(line)
    place = (queue, job_type, error, message)
    if place not in kinds and len(kinds) >= KINDS_LIMIT:
        message = OTHER
        place = (queue, job_type, error, message)
    kind = kinds.get(place)
    if kind is None:
        kinds[place] = Kind(
            queue=queue,
            type=job_type,
            error=error,
            message=message,
            count=1,
            first_ms=at_ms,
            last_ms=at_ms,
            example=key,
            filter=filter_of(queue, job_type, line, error if message == OTHER else None),
        )
        return
    kind.count += 1
    kind.first_ms, kind.last_ms = min(kind.first_ms, at_ms), max(kind.last_ms, at_ms)


def telling_line(error: str) -> str:
    """Return the line of an error that says what happened: of a traceback the exception's, else the first.

    Example:
        >>> telling_line("Traceback (most recent call last):\\n  File \\"a.py\\"\\nValueError: no\\nreally")
        'ValueError: no'
    """
    lines = [line.rstrip() for line in error.splitlines() if line.strip()]
    if not lines:
        return ""
    if not lines[0].startswith(("Traceback", "…")):  # a long one begins with the mark that its beginning was cut
        return lines[0].strip()
    frames = [number for number, line in enumerate(lines[:-1]) if line.startswith("  ")]
    return lines[frames[-1] + 1 if frames else -1].strip()


def kind_of(line: str) -> tuple[str, str]:
    """Return ``(class, message)`` of an error, what varies between two of its kind left out.

    Example:
        >>> kind_of("requests.ConnectionError: 10.0.0.7:8080 refused tenant 'acme', attempt 3")
        ('requests.ConnectionError', '<ip> refused tenant <…>, attempt <n>')
    """
    found = _CLASS.match(line)
    error = found[0] if found else ""
    message = line[len(error) :].removeprefix(":").strip() if found else line
    for pattern, placeholder in _VARYING:
        message = pattern.sub(placeholder, message)
    return error, message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"


def filter_of(queue: str, job_type: str, line: str, error: str | None = None) -> str:
    """Return a filter that chooses the dead whose error is like this one: by what does not vary in it.

    Args:
        queue: where they are.
        job_type: their type.
        line: the telling line of one of them.
        error: by the class of the exception alone.
    """
    if error is None:
        masked = line
        for pattern, _ in _VARYING:
            masked = pattern.sub("\0", masked)
        pieces = [piece for part in masked.split("\0") if (piece := part.strip())]
        longest = sorted(pieces, key=len, reverse=True)[:PIECES]
        told = [piece for piece in pieces if piece in longest and (len(piece) >= TELLING or piece == longest[0])]
    else:
        told = [error] if error else []
    chosen = [f"error~{Value(piece, is_quoted=True)}" for piece in dict.fromkeys(told)]
    if not line:
        chosen = ['error=""']
    return " and ".join((f"queue={_exactly(queue)}", f"type={_exactly(job_type)}", *chosen))


def _exactly(text: str) -> Value:
    return Value(text, is_quoted=not _PLAIN.fullmatch(text))
