"""SIGTERM: nothing is lost, no retry is spent, nothing is left behind for a lease to clear up."""

from __future__ import annotations

import random
import signal
import time


def test_sigterm_under_load_loses_nothing_and_leaves_no_orphan(stage, form, report) -> None:
    jobs, stops = form.pick((120, 2), (2000, 15))
    chance = random.Random(3)
    names = [name for _ in range(jobs // 10) for name in stage.enqueue("brief", 10, ms=chance.randrange(5, 120))]
    exits, times_s = [], []

    for stop in range(stops):
        worker = stage.worker(concurrency=10, grace="50ms", lease_s=30.0)
        # in the middle of everything: claims, runs and ends
        seen = stage.starts()
        stage.until_started(min(seen + 5 + stop, jobs - 20))
        asked_at = time.monotonic()
        worker.send(signal.SIGTERM)
        exits.append(worker.wait())
        times_s.append(time.monotonic() - asked_at)
        assert stage.left_over().keys() <= {"queued", "incomplete"}, "an orphan would wait for its lease"

    stage.worker(concurrency=10)
    account = stage.settle()
    records = [stage.record(name) for name in names]
    report(
        "SIGTERM under load",
        account,
        stops=stops,
        interrupted=sum(record.interruptions for record in records),
        slowest_stop_s=round(max(times_s), 2),
    )
    assert exits == [0] * stops
    assert {(record.attempts, record.crashes) for record in records} == {(1, 0)}
    assert sum(record.interruptions for record in records) > 0
    assert max(times_s) < 2 + form.slack_s


def test_second_sigterm_hands_everything_back_at_once(stage, form, report) -> None:
    worker = stage.worker(grace="1h", hold_ms=3_600_000)
    names = stage.enqueue("held", 5)
    stage.until_started(5)

    worker.send(signal.SIGTERM)
    worker.wait_for("stopping")
    asked_at = time.monotonic()
    worker.send(signal.SIGTERM)
    code = worker.wait()
    took_s = time.monotonic() - asked_at
    queued = stage.left_over()

    stage.worker()
    account = stage.settle()
    report("second SIGTERM", account, stopped_s=round(took_s, 2))
    assert (code, queued) == (0, {"queued": 5, "incomplete": 5})
    assert took_s < 2 + form.slack_s
    assert [stage.record(name).interruptions for name in names] == [1] * 5


def test_sigterm_does_not_wait_for_a_thread_that_goes_on(stage, form, report) -> None:
    worker = stage.worker(grace="100ms")
    (name,) = stage.enqueue("plain", ms=form.pick(8_000, 60_000))
    stage.until_started(1)

    asked_at = time.monotonic()
    worker.send(signal.SIGTERM)
    code = worker.wait()
    took_s = time.monotonic() - asked_at

    report("SIGTERM, a thread goes on", None, stopped_s=round(took_s, 2))
    assert code == 0
    assert took_s < 4 + form.slack_s
    assert stage.left_over() == {"queued": 1, "incomplete": 1}
    assert stage.record(name).interruptions == 1
