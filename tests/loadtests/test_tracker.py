"""What the tracker of the load tests makes of jobs that ended well, badly, or not at all."""

from __future__ import annotations

import json

import pytest
import redis

from jobctl.broker.keys import job_id
from loadtests._tracker import Tracker

GOOD, DEAD, QUEUED, LOST = (job_id("default", key) for key in ("good", "dead", "queued", "lost"))


@pytest.fixture
def reports() -> list[tuple[str, str | None]]:
    return []


@pytest.fixture
def tracker(server: redis.Redis, reports: list[tuple[str, str | None]]) -> Tracker:
    return Tracker(server, ["default"], lambda name, _, fault: reports.append((name, fault)))


def store(server: redis.Redis, job: str, status: str) -> None:
    server.set(job, json.dumps({"function": "noop", "key": job[-4:], "queue": "default", "status": status}))


def test_an_end_heard_of_is_reported_once(
    server: redis.Redis, tracker: Tracker, reports: list[tuple[str, str | None]]
) -> None:
    tracker.expect(GOOD, "noop")

    server.publish(GOOD, "active")
    server.publish(GOOD, "complete")
    server.publish(GOOD, "complete")
    faults = tracker.drain(timeout_s=5)

    assert (faults, reports) == (0, [("noop", None)])


def test_a_death_is_a_fault(server: redis.Redis, tracker: Tracker, reports: list[tuple[str, str | None]]) -> None:
    tracker.expect(DEAD, "noop")

    server.publish(DEAD, "failed")
    faults = tracker.drain(timeout_s=5)

    assert faults == 1
    assert reports == [("noop", "dead")]


def test_what_was_not_heard_of_is_looked_up(
    server: redis.Redis, tracker: Tracker, reports: list[tuple[str, str | None]]
) -> None:
    for job, status in ((GOOD, "complete"), (DEAD, "failed"), (QUEUED, "queued")):
        store(server, job, status)
    for job in (GOOD, DEAD, QUEUED, LOST):
        tracker.expect(job, job.rpartition(":")[2])

    faults = tracker.drain(timeout_s=0)

    assert faults == 3
    assert dict(reports) == {
        "good": None,
        "dead": "dead",
        "queued": "not done in time: queued",
        "lost": "lost: the broker has no record of it",
    }


def test_a_refused_job_is_not_waited_for(tracker: Tracker, reports: list[tuple[str, str | None]]) -> None:
    tracker.expect(LOST, "noop")

    tracker.forget(LOST)
    faults = tracker.drain(timeout_s=0)

    assert (faults, reports) == (0, [])
