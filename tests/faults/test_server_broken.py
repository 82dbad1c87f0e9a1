"""The server dies, restarts, goes away, fills up, or is demoted: workers wait without fuss and go on without loss."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

import pytest

from jobctl.client import BlockingClient
from jobctl.errors import BrokerError
from jobctl.testing.accounting import Fate
from jobctl.testing.proxy import Proxy
from jobctl.testing.servers import PrivateServer

AWAY, BACK = "the broker cannot be used; trying again", "the broker is back"


def test_server_killed_and_restarted_from_its_log_loses_nothing(frail_stage, form, report) -> None:
    jobs, restarts = form.pick((100, 2), (1000, 5))
    stage, server = frail_stage, frail_stage.server
    worker = stage.worker(concurrency=10, lease_s=5.0)
    for restart in range(restarts):
        stage.enqueue("brief", jobs // restarts, ms=40)
        stage.until_started(restart * jobs // restarts + 15)
        server.kill()
        server.start()
    account = stage.settle()

    report("server killed and restarted (AOF)", account, restarts=restarts)
    assert account.count(Fate.OK) == jobs
    assert not account.duplicated
    assert worker.lines(BACK)


def test_worker_of_an_absent_server_is_quiet_and_goes_on_when_it_is_back(frail_stage, form, report) -> None:
    away_s = form.pick(2.0, 30.0)
    stage, server = frail_stage, frail_stage.server
    worker = stage.worker(concurrency=10, lease_s=15.0)
    # some run through the outage, some end in it, some wait for its end
    stage.enqueue("brief", 5, ms=int(away_s * 500))
    stage.enqueue("brief", 5, ms=int(away_s * 1500))
    stage.enqueue("brief", 20, ms=10)
    stage.until_started(10)

    server.kill()
    lines, cpu_s, gone_at = len(worker.lines()), worker.cpu_s(), time.monotonic()
    with BlockingClient(stage.plan, server.url) as client:
        stage.enqueue_with(client, "brief", 3, ms=0)
    while time.monotonic() < gone_at + away_s:
        time.sleep(0.05)
    cpu_share = (worker.cpu_s() - cpu_s) / (time.monotonic() - gone_at)
    lines_per_s = (len(worker.lines()) - lines) / away_s
    server.start()
    back_at = time.monotonic()
    account = stage.settle()
    settled_s = time.monotonic() - back_at

    report(
        f"server away for {away_s:g} s",
        account,
        cpu=f"{cpu_share:.1%}",
        log_lines_per_s=round(lines_per_s, 2),
        settled_s=round(settled_s, 1),
        unanswered=len(stage.unanswered),
    )
    assert account.count(Fate.OK) == 30
    assert len(stage.unanswered) == 3
    assert account.count(Fate.ABSENT) == 3
    assert not account.duplicated
    assert cpu_share < form.pick(0.15, 0.05)  # in a few seconds the first tries weigh more
    assert lines_per_s <= 1
    assert worker.lines(BACK)


def test_outage_longer_than_a_lease_takes_no_job_from_a_living_worker(frail_stage, form, report) -> None:
    """Every lease has ended by the clock of the server that comes back, and nobody has died."""
    lease_s, away_s = form.pick((2.0, 5.3), (15.0, 20.0))
    stage = frail_stage
    for _ in range(2):
        stage.worker(concurrency=5, lease_s=lease_s)
    names = stage.enqueue("brief", 10, ms=int(away_s * 1000) + 1500)
    stage.until_started(10)

    stage.server.kill()
    stage.wait_s(away_s)
    stage.server.start()
    account = stage.settle()

    crashes = sum(stage.record(name).crashes for name in names)
    report(
        "server away for longer than a lease",
        account,
        lease_s=lease_s,
        away_s=away_s,
        begun_again=len(account.restarted),
    )
    assert stage.starts() == 10
    assert crashes == 0


def test_watchdog_ends_idle_and_busy_workers_without_a_broker_with_exit_code_4(frail_stage, form, report) -> None:
    patience_s = form.pick(1.0, 10.0)
    stage = frail_stage
    # all slots taken, work waiting in every queue: it has no reason of its own to speak to the broker
    busy = stage.worker(concurrency=1, hold_ms=3_600_000, patience=f"{patience_s:g}s", grace="100ms")
    for queue in ("critical", "default", "low"):
        stage.enqueue("held", 3, queue=queue)
    stage.until_started(1)
    idle = stage.worker(concurrency=8, patience=f"{patience_s:g}s", arguments=("--queues", "critical"))

    stage.server.kill()
    gone_at = time.monotonic()
    code_of_idle = idle.wait()
    took_s = time.monotonic() - gone_at
    code_of_busy = busy.wait()

    report("watchdog", None, patience_s=patience_s, ended_s=round(took_s, 1), exit_codes=(code_of_idle, code_of_busy))
    assert (code_of_idle, code_of_busy) == (4, 4)
    for worker in (idle, busy):
        assert worker.lines(AWAY)
        assert worker.lines("giving up on the broker")
    assert patience_s <= took_s < patience_s + 12


def test_replica_is_promoted_and_workers_follow_the_address(tmp_path: Path, frail_stage, form, report) -> None:
    """The address (a proxy here, DNS or a load balancer in life) leads to the new primary; the old one only reads."""
    stage, old = frail_stage, frail_stage.server
    jobs = form.pick(60, 500)
    with PrivateServer(tmp_path / "replica") as new:
        new.follow(old)
        with Proxy(old.url) as address:
            worker = stage.worker(concurrency=5, url=address.url, lease_s=5.0)
            client = BlockingClient(stage.plan, address.url)
            stage.enqueue_with(client, "brief", jobs, ms=30)
            stage.until_started(jobs // 3)

            old.ask("CLIENT", "PAUSE", "5000", "WRITE")  # a planned promotion waits until all is copied
            new.wait_until(lambda: new.ask("ROLE")[4] == old.ask("ROLE")[1], "is up to date")
            new.promote()
            old.follow(new)
            old.ask("CLIENT", "UNPAUSE")
            address.lead_to(new.url)
            worker.wait_for(AWAY)
            stage.use(new)
            # the producer's connection still ends at the old primary
            stage.enqueue_with(client, "brief", 5, ms=0)
            stage.enqueue_with(client, "brief", 5, ms=0)
            account = stage.settle()
            client.close()

        report(
            "replica promoted (READONLY)", account, refused=len(stage.refused), reasons=worker.lines(AWAY)[0]["error"]
        )
        assert "read only" in worker.lines(AWAY)[0]["error"]
        assert account.count(Fate.OK) == len(stage.acknowledged) >= jobs + 5
        assert not account.duplicated
        assert worker.lines(BACK)


def test_full_server_refuses_new_jobs_aloud_and_drains_the_old_ones(frail_stage, form, report) -> None:
    jobs = form.pick(200, 2000)
    stage, server = frail_stage, frail_stage.server
    stage.enqueue("brief", jobs, ms=0)
    server.ask("CONFIG", "SET", "maxmemory", "1mb")  # less than it has: full
    with BlockingClient(stage.plan, server.url) as client, pytest.raises(BrokerError) as refusal:
        client.enqueue("brief", ms=0)
    stage.enqueue("brief", 5, ms=0)

    worker = stage.worker(concurrency=10)
    began_at = time.monotonic()
    stage.until_settled()
    took_s = time.monotonic() - began_at
    account = stage.settle()
    # idle on a full server: its blocking peek is refused as well, and must not make it spin
    cpu_s, idle_s = worker.cpu_s(), form.pick(1.0, 10.0)
    stage.wait_s(idle_s)
    idle_cpu = (worker.cpu_s() - cpu_s) / idle_s

    report(
        "maxmemory reached",
        account,
        drained_s=round(took_s, 2),
        refused=len(stage.refused),
        idle_cpu=f"{idle_cpu:.1%}",
    )
    assert refusal.value.code == "broker.full"
    assert (account.count(Fate.OK), account.count(Fate.REFUSED)) == (jobs, 5)
    assert idle_cpu < 0.05


@pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="the file size of a running process is limited on Linux only"
)
def test_disk_full_for_the_append_only_file_loses_nothing(frail_stage, form, report) -> None:
    """The kernel refuses to let the server's files grow, as a full disk does."""
    jobs = form.pick(100, 1000)
    stage, server = frail_stage, frail_stage.server
    worker = stage.worker(concurrency=10, lease_s=10.0)
    stage.enqueue("brief", jobs, ms=50)
    stage.until_started(jobs // 3)

    server.fill_disk()
    worker.wait_for(AWAY)
    stage.enqueue("brief", 5, ms=0)
    server.free_disk()
    account = stage.settle()

    report("disk full (AOF)", account, refused=len(stage.refused), reason=worker.lines(AWAY)[0]["error"][:40])
    assert (account.count(Fate.OK), account.count(Fate.REFUSED)) == (jobs, 5)
    assert not account.duplicated
    assert "MISCONF" in worker.lines(AWAY)[0]["error"]


def test_paused_server_is_waited_for(frail_stage, form, report) -> None:
    """It accepts connections and says nothing, as a host that swaps."""
    stage, server = frail_stage, frail_stage.server
    stage.worker(concurrency=5, lease_s=30.0)
    stage.enqueue("brief", 20, ms=50)
    stage.until_started(5)

    os.kill(server.pid, signal.SIGSTOP)
    stage.wait_s(form.pick(1.0, 20.0))
    os.kill(server.pid, signal.SIGCONT)
    account = stage.settle()

    report("server paused", account, paused_s=form.pick(1.0, 20.0))
    assert account.count(Fate.OK) == 20
    assert not account.duplicated
