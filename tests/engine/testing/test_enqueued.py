from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from jobctl import BlockingClient
from jobctl.errors import UnknownJob, UsageError
from jobctl.testing import BlockingJobs, BlockingWorker, SteppedClock

ID = UUID("39308751-0657-5693-992f-78f29cafba41")


def test_a_job_that_waits_is_found_by_all_it_is(client: BlockingClient, jobs: BlockingJobs, clock: SteppedClock):
    client.enqueue("greet", name=str(ID), delay="5m", queue="low")

    record = jobs.assert_enqueued("greet", where={"name": ID}, queue="low", in_="5m")

    assert record.payload["name"] == str(ID)
    jobs.assert_enqueued("greet", where={"name": lambda name: name.startswith("39")})
    clock.jump("4m")
    jobs.assert_enqueued("greet", in_="1m", count=1)


def test_the_message_shows_what_is_there_instead(client: BlockingClient, jobs: BlockingJobs, worker: BlockingWorker):
    client.enqueue("greet", name="run before")
    worker.drain(schedules=())
    key = client.enqueue("greet", name="bob", delay="10m").key
    client.enqueue("plain", n=1)

    with pytest.raises(AssertionError) as caught:
        jobs.assert_enqueued("greet", where={"name": "ada"}, queue="low", in_="5m")

    assert str(caught.value).splitlines() == [
        'no job `greet` in queue low due in 5m with name = "ada" is enqueued',
        "`greet` is enqueued, but:",
        f'  name is "bob", in queue critical, due in 10m: {key} {{"name": "bob"}}',
        "enqueued besides: 1 plain",
        "`greet` has run already: 1 complete",
    ]


def test_a_job_that_is_never_enqueued_is_found(jobs: BlockingJobs):
    with pytest.raises(AssertionError, match="no job `greet` is enqueued\nnothing is enqueued at all"):
        jobs.assert_enqueued("greet")


def test_too_many_are_shown(client: BlockingClient, jobs: BlockingJobs):
    client.enqueue("plain", n=1)
    client.enqueue("plain", n=2)

    with pytest.raises(AssertionError, match="expected 1 job `plain` to be enqueued, and there are 2:"):
        jobs.assert_enqueued("plain", count=1)
    with pytest.raises(AssertionError, match="expected no job `plain` with n = 2 to be enqueued, and there is one:"):
        jobs.refute_enqueued("plain", where={"n": 2})
    jobs.refute_enqueued("plain", where={"n": 3})


def test_the_nearest_is_shown_first_and_nothing_at_length(client: BlockingClient, jobs: BlockingJobs):
    client.enqueue("greet", name="far" * 1000, queue="low")
    near = client.enqueue("greet", name="near").key

    with pytest.raises(AssertionError) as caught:
        jobs.assert_enqueued("greet", where={"name": "ada"}, queue="critical")

    lines = str(caught.value).splitlines()
    assert lines[2] == f'  name is "near": {near} {{"name": "near"}}'
    assert max(len(line) for line in lines) < 320


def test_questions_that_cannot_be(jobs: BlockingJobs, worker: BlockingWorker):
    for ask in (jobs.assert_enqueued, jobs.refute_enqueued):  # what can never be there would never be refuted
        with pytest.raises(UsageError, match="job `greet` has no field `nmae`"):
            ask("greet", where={"nmae": "ada"})
        with pytest.raises(UsageError, match="there is no queue `lwo`"):
            ask("greet", queue="lwo")
        with pytest.raises(UsageError, match="give one of them"):
            ask("greet", at=datetime.now(UTC), in_="1h")
        with pytest.raises(UsageError, match="without a time zone"):
            ask("greet", at=datetime(2026, 1, 1))
    with pytest.raises(UnknownJob, match="grete"):
        worker.drain().of("grete")
    with pytest.raises(UnknownJob, match="grete"):
        jobs.assert_enqueued("grete")
    with pytest.raises(UsageError, match="refute_enqueued"):
        jobs.assert_enqueued("greet", count=0)
