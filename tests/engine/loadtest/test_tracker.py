"""What the tracker of the load tests makes of jobs that ended well, badly, or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
import redis

from jobctl.broker.keys import QueueKeys, job_id
from jobctl.loadtest.tracker import Batch, End, Followed, Tracker

QUEUE = QueueKeys("default")
GOOD, DEAD, QUEUED, LOST = (job_id("default", key) for key in ("good", "dead", "queued", "lost"))
NOW_MS = 1_700_000_000_000
DEADLINE_S = 5.0


class Reports(dict[str, End]):
    def __call__(self, job: str, _: Followed, end: End) -> None:
        assert job not in self, "reported twice"
        self[job] = end

    def wait_for(self, *jobs: str) -> None:
        deadline_s = time.monotonic() + DEADLINE_S
        while not set(jobs) <= set(self):
            assert time.monotonic() < deadline_s, f"no end of {set(jobs) - set(self)} was seen"
            time.sleep(0.002)


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def depths() -> list[int]:
    return []


@pytest.fixture
def tracker(server: redis.Redis, reports: Reports, depths: list[int]) -> Iterator[Tracker]:
    tracker = Tracker(server, ["default"], now_ms=lambda: NOW_MS, report=reports, look=depths.append)
    yield tracker
    tracker.on_the_way.clear()
    tracker.drain(0)


def followed(whole: Batch | None = None) -> Followed:
    return Followed("noop", "default", NOW_MS, whole=whole)


def store(server: redis.Redis, job: str, status: str, **fields: object) -> None:
    record = {"function": "noop", "key": job[-4:], "queue": "default", "status": status, "queued": NOW_MS - 10}
    server.set(job, json.dumps({**record, **fields}))


def end(server: redis.Redis, job: str, index: str, status: str, **fields: object) -> None:
    store(server, job, status, started=NOW_MS + 5, completed=NOW_MS + 9, attempts=1, **fields)
    server.zadd(index, {job: NOW_MS + 10})


def test_an_end_is_reported_once_with_the_brokers_times_and_its_job_removed(
    server: redis.Redis, tracker: Tracker, reports: Reports
) -> None:
    tracker.follow(GOOD, followed())

    end(server, GOOD, QUEUE.complete, "complete")
    reports.wait_for(GOOD)
    tracker.drain(timeout_s=DEADLINE_S)

    seen = reports[GOOD]
    assert seen.fault is None
    assert (seen.started_ms, seen.ended_ms) == (NOW_MS + 5.5, NOW_MS + 10.5)
    assert (seen.arrived_ms, seen.run_ms, seen.deliveries) == (NOW_MS - 10, 4, 1)
    assert not server.exists(GOOD, QUEUE.complete)


def test_a_job_that_ended_before_its_enqueue_was_answered_is_reported(
    server: redis.Redis, tracker: Tracker, reports: Reports, depths: list[int]
) -> None:
    end(server, GOOD, QUEUE.complete, "complete")
    polls = len(depths)
    deadline_s = time.monotonic() + DEADLINE_S
    while len(depths) < polls + 3 and time.monotonic() < deadline_s:
        time.sleep(0.002)

    tracker.follow(GOOD, followed())

    reports.wait_for(GOOD)


def test_a_death_is_a_fault_that_says_why(server: redis.Redis, tracker: Tracker, reports: Reports) -> None:
    tracker.follow(DEAD, followed())
    server.hset(QUEUE.crashes, DEAD, "2")

    end(server, DEAD, QUEUE.dead, "failed", error="Traceback ...\nValueError: no such tenant")
    reports.wait_for(DEAD)

    assert reports[DEAD].fault == "dead: ValueError: no such tenant"
    assert reports[DEAD].deliveries == 3
    assert not server.exists(DEAD, QUEUE.dead, QUEUE.crashes)


def test_ends_of_other_jobs_are_left_alone(server: redis.Redis, tracker: Tracker, reports: Reports) -> None:
    end(server, DEAD, QUEUE.dead, "failed")
    tracker.follow(GOOD, followed())

    end(server, GOOD, QUEUE.complete, "complete")
    reports.wait_for(GOOD)
    tracker.drain(timeout_s=0)

    assert set(reports) == {GOOD}
    assert server.exists(DEAD)
    assert server.zscore(QUEUE.dead, DEAD) is not None


def test_what_was_not_heard_of_is_looked_up(server: redis.Redis, tracker: Tracker, reports: Reports) -> None:
    for job, status in ((GOOD, "complete"), (DEAD, "failed"), (QUEUED, "queued")):
        store(server, job, status)
    for job in (GOOD, DEAD, QUEUED, LOST):
        tracker.follow(job, followed())

    tracker.drain(timeout_s=0)

    assert {job: end.fault for job, end in reports.items()} == {
        GOOD: None,
        DEAD: "dead: no reason given",
        QUEUED: "not done in time: queued",
        LOST: "lost: the broker has no record of it",
    }
    assert not server.exists(GOOD)
    assert server.exists(QUEUED)


def test_a_sender_that_waits_is_told_when_all_of_its_jobs_have_ended(server: redis.Redis, tracker: Tracker) -> None:
    batch = Batch(2)
    tracker.follow(GOOD, followed(batch))
    tracker.follow(DEAD, followed(batch))

    end(server, GOOD, QUEUE.complete, "complete")
    assert not batch.wait(0.05)
    end(server, DEAD, QUEUE.dead, "failed")

    assert batch.wait(DEADLINE_S)


def test_the_number_of_waiting_jobs_is_looked_at(server: redis.Redis, tracker: Tracker, depths: list[int]) -> None:
    server.rpush(QUEUE.queued, "a", "b", "c")

    deadline_s = time.monotonic() + DEADLINE_S
    while 3 not in depths and time.monotonic() < deadline_s:
        time.sleep(0.002)

    assert 3 in depths


def test_more_ends_of_one_millisecond_than_a_page_holds_are_all_found(
    server: redis.Redis, tracker: Tracker, reports: Reports
) -> None:
    ids = [job_id("default", f"{number:04}") for number in range(2500)]
    for job in ids:
        tracker.follow(job, followed())
    pipe = server.pipeline()
    for job in ids:
        pipe.set(job, '{"status":"complete"}')
    pipe.zadd(QUEUE.complete, dict.fromkeys(ids, NOW_MS + 1))
    pipe.execute()

    tracker.drain(timeout_s=DEADLINE_S)

    assert len(reports) == 2500
    assert not server.exists(QUEUE.complete)
