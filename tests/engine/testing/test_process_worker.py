from __future__ import annotations

import pytest

from jobctl import BlockingClient, Client
from jobctl.errors import UsageError
from jobctl.testing import BlockingJobs, BlockingWorker, Fate, HarnessBroker, SteppedClock, kill, overrun
from jobctl.testing.process import ProcessWorker

pytestmark = [pytest.mark.slow, pytest.mark.jobctl(worker="process")]


def test_a_real_worker_answers_the_same_calls(
    client: BlockingClient, worker: BlockingWorker, jobs: BlockingJobs, clock: SteppedClock
):
    client.enqueue("greet", name="ada")
    client.enqueue("flaky")

    ran = worker.drain()
    assert {(one.job, one.outcome, one.result) for one in ran} == {
        ("greet", "complete", "hello ada"),
        ("flaky", "retry", None),
    }
    later = worker.advance("3h")

    assert later.counts == {"flaky": 2, "hourly": 3}
    assert later.of("flaky").outcomes == ["retry", "dead"]
    assert "no luck in attempt 3" in later.of("flaky")[-1].text
    assert jobs.account().is_sound


async def test_a_killed_process_is_replaced_and_its_job_runs_again(
    client: Client, worker: ProcessWorker, broker: HarnessBroker
):
    key = (await client.enqueue("greet", name="x")).key
    worker.inject(kill("greet", at=1), overrun("stubborn", at=1))

    assert (await worker.drain()).outcomes == ["lost"]
    ran = await worker.advance("1m")
    assert ran.outcomes == ["complete"], worker.log
    assert broker.record(key).crashes == 1

    await client.enqueue("stubborn")
    assert (await worker.drain()).outcomes == ["complete"]  # it swallowed its timeout
    first = worker.pid
    worker.pause()
    worker.resume()
    assert worker.stop() == 0
    await worker.start()
    assert worker.pid != first


def test_jobs_done_twice_are_counted(client: BlockingClient, worker: BlockingWorker, jobs: BlockingJobs):
    key = client.enqueue("plain", n=1).key
    worker.inject(kill("plain", at="end"))

    worker.advance("1m")

    account = jobs.account()
    assert account.is_sound
    assert account.count(Fate.OK) == 1
    assert account.duplicated == {key: 1}


def test_some_schedules_only_is_not_for_a_real_worker(worker: BlockingWorker):
    with pytest.raises(UsageError, match="fires all schedules"):
        worker.drain(schedules=[])
