"""Workers that are killed: nothing acknowledged is lost, and what they held runs again within a lease."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from jobctl.records import JobState
from jobctl.testing.accounting import Fate

LEASE_S = 1.5


def test_crash_storm_loses_nothing_and_reruns_within_the_lease(stage, form, report) -> None:
    jobs, kills, seconds = form.pick((60, 4, 3.0), (150, 10, 15.0))
    chance = random.Random(7)
    crew = [stage.worker(concurrency=5, lease_s=LEASE_S) for _ in range(2)]
    deaths: list[float] = []
    begun_at = time.monotonic()
    # as long as the ten slots can do between two kills: each kill finds its victim at work
    longest_ms = int(seconds / kills * 10 / (jobs // kills) * 2000)

    for kill in range(kills):
        for _ in range(jobs // kills):
            stage.enqueue("stormy", ms=chance.randrange(20, longest_ms))
        while time.monotonic() < begun_at + seconds * (kill + 1) / kills:
            time.sleep(0.01)
        victim = crew.pop(0)
        deaths.append(victim.kill())
        crew.append(stage.worker(concurrency=5, lease_s=LEASE_S, ready=False))
    for _ in range(jobs - len(stage.acknowledged)):
        stage.enqueue("stormy", ms=50)
    ended_at = time.time()
    settled_at = stage.until_settled()

    account = stage.settle()
    reruns_s = rerun_times(stage, deaths)
    report(
        "crash storm: kill -9",
        account,
        kills=kills,
        begun_again=len(account.restarted),
        slowest_rerun_s=round(max(reruns_s, default=0), 2),
        settled_s=round(settled_at - ended_at, 2),
    )
    assert account.count(Fate.OK) == jobs
    assert len(account.restarted) >= kills
    assert max(reruns_s) <= LEASE_S + 1.5 + form.slack_s


def rerun_times(stage, deaths: list[float]) -> list[float]:
    """Return, for each job that a death interrupted, the seconds from that death to its next start."""
    starts: dict[str, list[float]] = {}
    done = {entry.key: entry.at for entry in stage.journal.entries("done")}
    for entry in stage.journal.entries("start"):
        starts.setdefault(entry.key, []).append(entry.at)
    waits = []
    for times in starts.values():
        for first, second in itertools.pairwise(times):
            waits += [second - death for death in deaths if first <= death <= second][-1:]
    assert set(starts) == set(done)
    return waits


@pytest.mark.parametrize("jobs", [10, 1000])
def test_jobs_of_a_killed_worker_are_all_done_within_a_lease_and_two_seconds(stage, form, report, jobs) -> None:
    lease_s = form.pick(LEASE_S, 15.0)
    victim = stage.worker(concurrency=jobs, lease_s=lease_s, hold_ms=600_000)
    names = stage.enqueue("held", jobs)
    stage.until_started(jobs)
    stage.worker(concurrency=jobs, lease_s=lease_s)

    died_at = victim.kill()
    done_at = stage.until_settled()

    account = stage.settle()
    report(
        f"kill -9 with {jobs:,} jobs active",
        account,
        lease_s=lease_s,
        all_done_s=round(done_at - died_at, 2),
    )
    assert account.count(Fate.OK) == jobs
    record = stage.record(names[0])
    assert (record.attempts, record.crashes) == (1, 1), "a delivery is counted, no retry spent"
    assert done_at - died_at <= lease_s + 2 + form.slack_s


def test_job_that_kills_its_worker_three_times_is_dead_with_that_reason(stage, report) -> None:
    lease_s = 0.6
    (poison,) = stage.enqueue("kills-its-worker")
    exits = [stage.worker(lease_s=lease_s, ready=False).wait() for _ in range(3)]

    stage.worker(lease_s=lease_s)
    account = stage.settle()

    record = stage.record(poison)
    report("a job that kills its worker", account, deliveries=stage.starts(poison), state=record.state.value)
    assert exits == [-9, -9, -9]
    assert (stage.starts(poison), record.state, record.attempts) == (3, JobState.DEAD, 0)
    assert "its worker was lost 3 times" in record.error
