from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from jobctl import BlockingClient, Client
from jobctl.errors import DuplicateJob, UnknownSchedule, UsageError
from jobctl.testing import (
    BlockingJobs,
    BlockingWorker,
    Fate,
    HarnessBroker,
    SteppedClock,
    SteppedWorker,
    fail,
    kill,
    overrun,
)

START = datetime.fromisoformat("2026-03-01T12:00:00Z")


def test_what_is_due_runs_and_what_is_not_waits(client: BlockingClient, worker: BlockingWorker, broker: HarnessBroker):
    client.enqueue("greet", name="now")
    client.enqueue("greet", name="later", delay="5m")

    ran = worker.drain()

    assert [one.payload["name"] for one in ran] == ["now"]
    assert [record.state for record in broker.records()] == ["complete", "scheduled"]
    assert len(worker.drain()) == 0


async def test_in_an_asyncio_test_it_is_awaited(client: Client, worker: SteppedWorker):
    await client.enqueue("greet", name="x")

    assert (await worker.drain()).outcomes == ["complete"]
    assert (await worker.advance("90m")).counts == {"hourly": 1}


def test_what_jobs_enqueue_runs_as_well(client: BlockingClient, worker: BlockingWorker, jobctl_harness):
    jobctl_harness.stepped.state._given = {"spec": jobctl_harness.options.spec[0], "greeting": "hi"}
    client.enqueue("parent")

    ran = worker.drain()

    assert [(one.job, one.result) for one in ran] == [("parent", None), ("greet", "hi child")]


def test_25_hours_pass_in_a_moment(client: BlockingClient, worker: BlockingWorker, clock: SteppedClock):
    client.enqueue("flaky")

    ran = worker.advance("25h")

    assert clock.now() - START == timedelta(hours=25)
    assert ran.counts == {"flaky": 3, "hourly": 25, "rare": 1}
    assert ran.of("flaky").outcomes == ["retry", "retry", "dead"]
    assert [one.at - START for one in ran.of("flaky")] == [timedelta(seconds=s) for s in (0, 10, 40)]
    assert [one.result for one in ran.of("rare")] == ["02 02:30"]
    assert ran.of("hourly")[0].result == "01 13:00"


def test_a_jump_is_a_night_without_workers(worker: BlockingWorker, clock: SteppedClock):
    clock.jump("3d")

    ran = worker.drain()

    assert ran.of("hourly").outcomes == ["complete"]  # `catch_up: once`
    assert [one.result for one in ran.of("rare")] == ["02 02:30", "03 02:30", "04 02:30"]  # `all`


def test_only_some_schedules(worker: BlockingWorker):
    ran = worker.advance("25h", schedules=["rare"])

    assert ran.counts == {"rare": 1}
    with pytest.raises(UnknownSchedule, match="hurly"):
        worker.drain(schedules=["hurly"])


def test_locks_and_retention_go_by_the_clock(client: BlockingClient, clock: SteppedClock, broker: HarnessBroker):
    client.enqueue("once", name="ada")
    with pytest.raises(DuplicateJob):
        client.enqueue("once", name="ada")

    clock.jump("10m")

    client.enqueue("once", name="ada")
    assert len(broker.records("queued")) == 2


def test_a_forgotten_record_is_forgotten_by_the_clock(
    client: BlockingClient, worker: BlockingWorker, clock: SteppedClock, broker: HarnessBroker
):
    client.enqueue("greet", name="x", retention="1h")
    worker.drain(schedules=())

    clock.jump("59m")
    assert len(broker.records()) == 1
    clock.jump("2m")
    assert broker.records() == []


def test_the_clock_does_not_go_back(clock: SteppedClock):
    with pytest.raises(UsageError, match="does not go back"):
        clock.jump_to(START - timedelta(seconds=1))
    with pytest.raises(UsageError, match="time zone"):
        clock.jump_to(datetime(2027, 1, 1))
    assert clock.jump_to(START + timedelta(days=1)) == clock.now()


def test_starts_are_shared_by_weight(client: BlockingClient, worker: BlockingWorker):
    for queue in ("low", "default", "critical"):
        for _ in range(30):
            client.enqueue("plain", n=1, queue=queue)

    ran = worker.drain()

    first = [one.queue for one in ran[:10]]
    assert [first.count(queue) for queue in ("critical", "default", "low")] == [6, 3, 1]


@pytest.mark.parametrize("at", ["start", 1, 2, "end"])
def test_a_killed_workers_job_runs_again_when_its_lease_has_ended(
    client: BlockingClient, worker: BlockingWorker, jobs: BlockingJobs, broker: HarnessBroker, at
):
    key = client.enqueue("greet", name="x").key
    worker.inject(kill("greet", at=at))

    assert worker.drain().outcomes == ["lost"]
    assert broker.record(key).state == "active"
    ran = worker.advance("15s")

    assert ran.outcomes == ["complete"]
    assert broker.record(key).crashes == 1
    account = jobs.account()
    assert account.is_sound
    assert account.count(Fate.OK) == 1
    assert account.duplicated == ({key: 1} if at == "end" else {})


def test_a_job_that_kills_its_worker_again_and_again_is_given_up(client: BlockingClient, worker: BlockingWorker):
    client.enqueue("plain", n=1)
    worker.inject(kill("plain", times=None))

    ran = worker.advance("5m")

    assert ran.outcomes == ["lost", "lost", "lost", "dead"]
    assert "3 times" in ran[-1].text or "lost" in ran[-1].text


def test_faults_of_attempts(client: BlockingClient, worker: BlockingWorker):
    client.enqueue("greet", name="x")
    worker.inject(fail("greet", attempts=[1]), overrun("greet", attempts=[2]))

    ran = worker.advance("1m")

    assert ran.outcomes == ["retry", "retry", "complete"]
    assert [one.retry_in_s for one in ran] == [10, 20, None]
    assert "timed out after 30s" in ran[1].text


def test_a_lost_job_is_in_the_books(client: BlockingClient, jobs: BlockingJobs, broker: HarnessBroker, worker):
    client.enqueue("greet", name="kept")
    lost = client.enqueue("greet", name="lost")
    broker.redis.delete(lost.id)
    worker.drain()

    account = jobs.account()

    assert not account.is_sound
    assert account.keys(Fate.LOST) == [lost.key]


def test_a_broken_link_is_got_over(jobs: BlockingJobs, worker: BlockingWorker, broker: HarnessBroker, jobctl_harness):
    link = broker.link
    client = jobctl_harness.client
    for n in range(5):
        client.enqueue("plain", n=n)
    link.drop_answer(b"EVALSHA")

    ran = worker.drain()

    assert link.dropped == 1
    assert sorted(one.payload["n"] for one in ran) == [0, 1, 2, 3, 4]
    assert jobs.account().is_sound


def test_a_worker_that_is_killed_while_idle_has_lost_nothing(client: BlockingClient, worker: BlockingWorker):
    worker.kill()
    client.enqueue("plain", n=1)
    assert worker.drain().outcomes == ["complete"]

    worker.kill()
    client.enqueue("plain", n=2)
    assert worker.drain().outcomes == ["complete"]
