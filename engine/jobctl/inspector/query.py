"""In which order jobs are listed, a page of them, and where to go on. Pure."""

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
        examined: entries of indexes looked at for this page.
    """

    jobs: tuple[JobRecord, ...]
    cursor: str | None = None
    skipped: int = 0
    examined: int = 0


def joined(first: Page, second: Page) -> Page:
    """Return two pages that follow each other as one."""
    jobs = sorted((*first.jobs, *second.jobs), key=lambda record: STATES.index(record.state))
    return Page(
        jobs=tuple(jobs),
        cursor=second.cursor,
        skipped=first.skipped + second.skipped,
        examined=first.examined + second.examined,
    )


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
