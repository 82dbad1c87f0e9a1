from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.broker.record import read_record
from jobctl.errors import JobNotFound, UsageError
from jobctl.inspector.locate import candidates, choose, known_queues
from jobctl.inspector.query import Position, moment_ms, read_cursor, write_cursor
from jobctl.inspector.rows import as_found
from jobctl.records import JobRecord, JobState

NOW_MS = 1_700_000_000_000


def record(state: JobState = JobState.QUEUED, **fields: int | str) -> JobRecord:
    return replace(read_record("saq:job:default:k", b'{"function":"mail:send"}'), state=state, **fields)


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.none() | st.builds(Position, st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20)),
    )
)
def test_a_cursor_survives_its_journey(places: dict[str, Position | None]) -> None:
    assert read_cursor(write_cursor(places)) == places


@pytest.mark.parametrize(
    "text", ["", "nonsense", "eyJhIjpbMWU5OTksIiJdfQ==", "eyJhIjpbIngiLCIiXX0=", "W10=", "eyJhIjogMX0=", "é"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a cursor"):
        read_cursor(text)


@pytest.mark.parametrize(
    ("state", "fields", "moment"),
    [
        (JobState.DEAD, {"completed_ms": 5, "started_ms": 3, "enqueued_ms": 1}, 5),
        (JobState.CANCELLED, {"touched_ms": 4, "enqueued_ms": 1}, 4),
        (JobState.ACTIVE, {"started_ms": 3, "enqueued_ms": 1}, 3),
        (JobState.RETRYING, {"started_ms": 3, "enqueued_ms": 1}, 1),
    ],
)
def test_age_counts_from_the_end_the_start_or_the_enqueue(state: JobState, fields: dict[str, int], moment: int) -> None:
    assert moment_ms(record(state, **fields)) == moment


def test_a_name_is_looked_for_in_every_queue_and_as_queue_and_key() -> None:
    assert candidates("a:b", ["x", "a"]) == ["saq:job:x:a:b", "saq:job:a:a:b", "saq:job:a:b"]
    assert candidates("k", ["x", "a"]) == ["saq:job:x:k", "saq:job:a:k"]
    assert candidates("saq:job:x:k", ["a"]) == ["saq:job:x:k"]


@pytest.mark.parametrize("name", ["A:b", "a:", ":b", "saq:job:x"])
def test_what_cannot_be_a_queue_is_part_of_the_key(name: str) -> None:
    assert f"saq:job:x:{name}" in candidates(name, ["x"])


def test_one_job_found_is_the_one_meant() -> None:
    assert choose("k", {"saq:job:a:k": 1}) == ("saq:job:a:k", 1)


def test_no_job_or_two_are_refused_with_a_hint() -> None:
    with pytest.raises(JobNotFound) as missing:
        choose("k", {})
    with pytest.raises(UsageError) as ambiguous:
        choose("k", {"saq:job:a:k": 1, "saq:job:b:k": 2})

    assert missing.value.exit_code == 5
    assert ambiguous.value.hint == "name the queue as well: `a:k` or `b:k`"


def test_queues_without_a_plan_come_by_name() -> None:
    assert known_queues(None, {b"b", b"a"}) == ("a", "b")


@pytest.mark.parametrize(
    ("found_in", "says", "shown_as"),
    [
        (JobState.QUEUED, record(JobState.QUEUED), JobState.QUEUED),
        (JobState.QUEUED, record(JobState.ACTIVE), None),
        (JobState.ACTIVE, record(JobState.QUEUED), JobState.ACTIVE),  # an orphan: moved, never marked
        (JobState.ACTIVE, record(JobState.CANCELLED), JobState.ACTIVE),  # being cancelled
        (JobState.ACTIVE, record(JobState.COMPLETE, completed_ms=1), None),
        (JobState.SCHEDULED, record(JobState.QUEUED), None),
        (JobState.SCHEDULED, record(JobState.RETRYING), JobState.SCHEDULED),  # a retry of a stock worker
        (JobState.DEAD, record(JobState.QUEUED), None),
        (JobState.DEAD, record(JobState.COMPLETE, completed_ms=1), None),  # its key was used again
        (JobState.DEAD, record(JobState.DEAD), JobState.DEAD),
    ],
)
def test_a_job_that_moved_on_is_left_out_and_one_that_lies_there_is_shown(
    found_in: JobState, says: JobRecord, shown_as: JobState | None
) -> None:
    found = as_found(says, found_in)

    assert (found.state if found else None) == shown_as
