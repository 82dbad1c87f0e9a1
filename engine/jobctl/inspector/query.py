"""What to list, in which order, and where to go on. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jobctl.errors import UsageError
from jobctl.records import JobRecord, JobState

# The order in which states are listed: what runs and waits first, then what has ended, trouble first.
STATES: Final = (
    JobState.ACTIVE,
    JobState.QUEUED,
    JobState.RETRYING,
    JobState.SCHEDULED,
    JobState.DEAD,
    JobState.CANCELLED,
    JobState.COMPLETE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs are meant. What is left out restricts nothing.

    Attributes:
        states: any of these.
        type: this wire type; a job's name works as well where the inspector has a plan.
        queue: in this queue.
        older_than_s: its age is at least this, seconds.
        newer_than_s: its age is at most this, seconds. A job's age counts from its end if it has ended, from its
            start while it runs, and from its enqueue otherwise.
        replayed: also dead jobs that have been replayed; they are left out unless asked for.
    """

    states: frozenset[JobState] | None = None
    type: str | None = None
    queue: str | None = None
    older_than_s: float | None = None
    newer_than_s: float | None = None
    replayed: bool = False

    def window_ms(self, now_ms: int) -> tuple[int | None, int | None]:
        """Return ``(earliest, latest)`` moment that a matching job may have, ms since the epoch; None = any."""
        earliest = None if self.newer_than_s is None else now_ms - round(self.newer_than_s * 1000)
        latest = None if self.older_than_s is None else now_ms - round(self.older_than_s * 1000)
        return earliest, latest

    def admits(self, record: JobRecord, now_ms: int) -> bool:
        """Whether a record matches in type and age (state and queue follow from where it was found)."""
        if self.type is not None and record.type != self.type:
            return False
        if self.older_than_s is None and self.newer_than_s is None:
            return True
        moment = moment_ms(record)
        earliest, latest = self.window_ms(now_ms)
        return moment > 0 and (earliest is None or moment >= earliest) and (latest is None or moment <= latest)


def moment_ms(record: JobRecord) -> int:
    """Return the time a job's age counts from, ms since the epoch; 0 = unknown."""
    if record.state.is_final:
        return record.completed_ms or record.touched_ms
    if record.state is JobState.ACTIVE:
        return record.started_ms
    return record.enqueued_ms


@dataclass(frozen=True, slots=True)
class Position:
    """A place in one index of one queue: just behind the entry with this score and id.

    Lists have no scores: there ``score`` is how many entries lie before the place. They move while they are read,
    so that a job may be missed that was started between two pages; sorted sets are read without gap or repeat.
    """

    score: float
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a listing.

    Attributes:
        jobs: what was found, in order.
        cursor: give it back for the next page; None = this was the last.
        skipped: entries passed over because their record is gone or is no job record.
    """

    jobs: tuple[JobRecord, ...]
    cursor: str | None = None
    skipped: int = 0


def write_cursor(positions: Mapping[str, Position | None]) -> str:
    """Write where each index stands as one opaque text. None = that index has been read to its end."""
    plain = {name: None if place is None else [place.score, place.id] for name, place in positions.items()}
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode()


def read_cursor(text: str) -> dict[str, Position | None]:
    """Read a cursor.

    Raises:
        UsageError: the text is no cursor.
    """
    try:
        plain = json.loads(base64.urlsafe_b64decode(text.encode()))
        return {name: None if place is None else _position(*place) for name, place in plain.items()}
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise UsageError(f"`{text[:40]}` is not a cursor", hint="pass on the one the last page brought") from error


def _position(score: float, job: str) -> Position:
    if not math.isfinite(score):
        raise ValueError(f"no place has the score {score}")
    return Position(float(score), str(job))
