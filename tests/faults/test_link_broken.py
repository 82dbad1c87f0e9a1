"""The link to the broker breaks, in every way a link can: nothing is lost, nothing spins, and it is noticed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jobctl.testing.accounting import Fate
from jobctl.testing.proxy import Proxy

AWAY = "the broker cannot be used; trying again"


@pytest.fixture
def proxy(shared_server) -> Iterator[Proxy]:
    """A link to the server that can be broken."""
    with Proxy(shared_server.url) as proxy:
        yield proxy


@pytest.fixture
def long_form_only(form) -> None:
    if not form.is_long:
        pytest.skip("takes 30 s; in short: tests/engine/worker/test_silent_link.py")


@contextmanager
def repeatedly(action, every_s: float) -> Iterator[None]:
    """Do something again and again beside the test."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(every_s):
            action()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_every_connection_killed_five_times_a_second(stage, form, report) -> None:
    seconds, jobs = form.pick((1.5, 100), (20.0, 1000))
    worker = stage.worker(concurrency=10, lease_s=2.0)
    kills = 0

    def kill_all() -> None:
        nonlocal kills
        stage.server.ask("CLIENT", "KILL", "TYPE", "normal")
        stage.server.ask("CLIENT", "KILL", "TYPE", "pubsub")
        kills += 1

    until = time.monotonic() + seconds
    with repeatedly(kill_all, 0.2):
        for _ in range(jobs // 10):
            stage.enqueue("brief", 10, ms=50)
            time.sleep(max(until - time.monotonic(), 0) / (jobs / 5))
        while time.monotonic() < until:
            time.sleep(0.01)
    account = stage.settle()

    report("CLIENT KILL of all connections every 200 ms", account, kills=kills, unanswered=len(stage.unanswered))
    assert account.count(Fate.OK) == len(stage.acknowledged) > 0
    assert not account.duplicated
    assert worker.process.poll() is None


def test_cut_links_are_made_again_and_nothing_runs_twice(stage, form, report, proxy) -> None:
    jobs, cuts = form.pick((60, 5), (1000, 50))
    stage.worker(concurrency=5, url=proxy.url)
    names = stage.enqueue("brief", jobs, ms=30)
    for cut in range(cuts):
        stage.until_started((cut + 1) * jobs // (2 * cuts))
        assert proxy.cut() > 0
    account = stage.settle()

    report("links cut while jobs run", account, cuts=cuts)
    assert account.count(Fate.OK) == len(names)
    assert not account.duplicated


@pytest.mark.parametrize(("what", "needle"), [("a finish", b'"status":"complete"'), ("an enqueue", b'"function"')])
def test_lost_answer_makes_nothing_run_twice(stage, report, proxy, what: str, needle: bytes) -> None:
    worker = stage.worker(url=proxy.url)

    for _ in range(5):
        proxy.drop_answer(needle)
        stage.enqueue("brief", url=proxy.url, ms=20)
        stage.until_settled()
    account = stage.settle()

    report(f"the answer to {what} is lost", account, lost_answers=proxy.dropped)
    assert proxy.dropped == 5
    assert account.count(Fate.OK) == 5
    assert not account.duplicated
    assert not account.restarted
    assert not worker.lines("the end of a job was refused: another delivery owns it by now")


def test_lost_answer_to_a_claim_delays_its_jobs_by_less_than_a_lease(stage, form, report, proxy) -> None:
    worker = stage.worker(url=proxy.url, lease_s=30.0)
    names = stage.enqueue("brief", 3, ms=0)
    stage.until_settled()

    proxy.drop_answer(b'"status":"active"')
    enqueued_at = time.monotonic()
    names += stage.enqueue("brief", 3, ms=0)
    stage.until_settled()
    took_s = time.monotonic() - enqueued_at
    account = stage.settle()

    report("the answer to a claim is lost", account, done_after_s=round(took_s, 2))
    assert proxy.dropped == 1
    assert worker.lines(AWAY)
    assert account.count(Fate.OK) == len(names)
    assert (len(account.duplicated), len(account.restarted)) == (0, 0)
    assert took_s < 3 + form.slack_s
    assert [stage.record(name).crashes for name in names] == [0] * 6


@pytest.mark.usefixtures("long_form_only")
def test_silent_link_is_noticed_and_nothing_is_lost(stage, form, report, proxy) -> None:
    worker = stage.worker(concurrency=5, url=proxy.url, lease_s=60.0)
    stage.enqueue("brief", 500, ms=100)
    stage.until_started(50)

    proxy.silence()
    silent_at = time.monotonic()
    worker.wait_for(AWAY)
    noticed_s = time.monotonic() - silent_at
    stage.wait_s(10)
    proxy.restore()
    account = stage.settle()

    report("silent link", account, noticed_s=round(noticed_s, 1))
    assert account.count(Fate.OK) == 500
    assert not account.duplicated
    assert noticed_s < 25
