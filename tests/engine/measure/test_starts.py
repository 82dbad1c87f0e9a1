"""Stretches in which all queues have work."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from jobctl.measure.starts import Starts, busy_spans

JOBS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 50), st.integers(0, 50)), max_size=40)


def seen(*jobs: tuple[str, int, int]) -> Starts:
    starts = Starts()
    for queue, arrived_ms, waited_ms in jobs:
        starts.add(queue, arrived_ms=arrived_ms, started_ms=arrived_ms + waited_ms, run_ms=1)
    return starts


def test_a_span_ends_with_the_last_job_of_a_queue_and_a_new_one_begins_when_it_has_some_again() -> None:
    starts = seen(("a", 0, 5), ("a", 0, 6), ("a", 0, 30), ("b", 0, 7), ("b", 10, 5), ("b", 10, 8), ("b", 10, 30))

    spans = busy_spans(starts, ["a", "b"])

    # `b` is empty from 7 to 10, `a` from 30 on.
    assert [(span.from_ms, span.to_ms, span.starts) for span in spans] == [(0, 6, 2), (10, 18, 2)]


def test_starts_outside_the_measured_time_are_left_out() -> None:
    starts = seen(*[("a", 0, at) for at in range(1, 20)], *[("b", 0, at) for at in range(1, 20)])

    (span,) = busy_spans(starts, ["a", "b"], from_ms=5, to_ms=10)

    assert [tick.at_ms for tick in span.ticks] == [5, 6, 7, 8, 9, 10]


@given(JOBS)
def test_in_every_span_every_queue_has_work_at_every_moment(jobs: list[tuple[str, int, int]]) -> None:
    for span in busy_spans(seen(*jobs), ["a", "b"]):
        for tick in span.ticks:
            for queue in "ab":
                arrived = sum(name == queue and at <= tick.at_ms for name, at, _ in jobs)
                started = sum(name == queue and at + wait <= tick.at_ms for name, at, wait in jobs)
                assert arrived > started


@given(JOBS, JOBS)
def test_what_two_observers_saw_adds_up_and_survives_json(
    some: list[tuple[str, int, int]], others: list[tuple[str, int, int]]
) -> None:
    merged = Starts.from_json(json.loads(json.dumps(seen(*some).to_json())))
    merged.merge(seen(*others))

    assert merged == seen(*some, *others)


def test_work_shares_are_shares_of_the_time_jobs_ran() -> None:
    starts = Starts()
    starts.add("a", arrived_ms=0, started_ms=1, run_ms=30)
    starts.add("b", arrived_ms=0, started_ms=1, run_ms=10)

    assert starts.work_shares("abc") == {"a": 0.75, "b": 0.25, "c": 0.0}
