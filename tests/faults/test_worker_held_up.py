"""Workers that live but do not answer: paused, or held up by a handler. No job is delivered twice that need not be,
and what a late worker says about a job that is no longer its own is refused.
"""

from __future__ import annotations

import signal

import pytest

from jobctl.records import JobState

LEASE_S = 0.6
REFUSED = "the end of a job was refused: another delivery owns it by now"
STOPPED = "a job's lease was lost to another delivery; stopping it here"
HANDED_OUT = "job handed out again: its worker was lost"


def test_paused_worker_loses_its_job_to_another_and_its_late_end_is_refused(stage, form, report) -> None:
    lease_s, pause_s = form.pick((LEASE_S, 0.0), (15.0, 30.0))
    paused = stage.worker(lease_s=lease_s)
    # A thread goes on when its job is taken away, so it does come to an end that it wants to tell; not before the
    # job was handed out (a second after its lease), and the paused worker, awake again, has heard of it.
    (name,) = stage.enqueue("plain", ms=int(1000 * (max(lease_s, pause_s) + 2 * lease_s + 2)))
    stage.until_started(1)

    paused.send(signal.SIGSTOP)
    other = stage.worker(lease_s=lease_s)
    other.wait_for(HANDED_OUT)
    stage.wait_s(pause_s - lease_s)
    paused.send(signal.SIGCONT)
    paused.wait_for(REFUSED)
    account = stage.settle()

    record = stage.record(name)
    report("SIGSTOP past the lease, job given to another", account, lease_s=lease_s, crashes=record.crashes)
    assert (stage.starts(name), record.crashes, record.attempts, record.state) == (2, 1, 1, JobState.COMPLETE)
    assert paused.lines(STOPPED)
    assert not other.lines(REFUSED)


def test_paused_worker_that_is_alone_runs_its_lost_job_again_but_never_twice_at_once(stage, report) -> None:
    """As a laptop that was shut: every lease has ended when it wakes up."""
    worker = stage.worker(lease_s=LEASE_S)
    (name,) = stage.enqueue("brief", ms=1800)
    stage.until_started(1)

    worker.send(signal.SIGSTOP)
    stage.wait_s(2 * LEASE_S)
    worker.send(signal.SIGCONT)
    account = stage.settle()

    # whoever is first decides: the lease keeper, who renews it, or the upkeep, who gives the job out again
    report("SIGSTOP past the lease, alone", account, starts=stage.starts(name))
    assert stage.done(name) == 1
    assert stage.record(name).attempts == 1


@pytest.mark.parametrize(("job", "lease_s", "seconds"), [("blocks", LEASE_S, 2.0), ("holds-interpreter", 3.0, 1.5)])
def test_handler_that_holds_everything_up_is_not_delivered_twice(stage, form, report, job, lease_s, seconds) -> None:
    lease_s, seconds = form.pick((lease_s, seconds), (15.0, {"blocks": 40.0, "holds-interpreter": 9.0}[job]))
    blocked = stage.worker(lease_s=lease_s)
    (held_up, neighbour) = stage.enqueue(job, ms=int(seconds * 1000)) + stage.enqueue("brief", ms=100)
    stage.until_started(1)
    other = stage.worker(lease_s=lease_s)

    account = stage.settle()

    report(
        {"blocks": "handler blocks the loop", "holds-interpreter": "C call holds the interpreter, within a lease"}[job],
        account,
        lease_s=lease_s,
        held_up_s=seconds,
        deliveries=stage.starts(held_up),
    )
    assert (stage.starts(held_up), stage.starts(neighbour)) == (1, 1)
    assert not other.lines(HANDED_OUT)
    assert not blocked.lines(REFUSED)


def test_limit_c_call_that_holds_the_interpreter_past_its_lease_is_delivered_again(stage, report) -> None:
    """No thread of ours can run meanwhile, so nobody renews. The job runs again; the first end is refused."""
    stuck = stage.worker(lease_s=LEASE_S)
    (name,) = stage.enqueue("holds-interpreter", ms=2500)
    stage.until_started(1)
    other = stage.worker(lease_s=LEASE_S, arguments=("--concurrency", "2"))

    other.wait_for(HANDED_OUT)
    account = stage.settle()

    report("limit: C call holds the interpreter past a lease", account, lease_s=LEASE_S, deliveries=stage.starts(name))
    stuck.wait_for(REFUSED)
    assert stage.record(name).state is JobState.COMPLETE
