"""The jobs of the tenants system, tested as an application's jobs can be: copy from here."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select

from examples.tenants.api import make_app
from examples.tenants.database import Database
from examples.tenants.demo.loopback import LoopbackService, Mailbox
from examples.tenants.models import ServiceInit, SystemUser, Tenant
from examples.tenants.resources import open_resources
from examples.tenants.seed import ACME, GLOBEX, INVITATION, seed
from jobctl import BlockingClient, Dead
from jobctl.errors import PayloadError
from jobctl.testing import (
    BlockingJobs,
    BlockingWorker,
    Fate,
    HarnessBroker,
    Jobs,
    SteppedClock,
    fail,
    invalid_payloads,
    kill,
    overrun,
    payloads,
)


def status_of(db: Database, tenant: Any) -> str:
    with db.begin() as session:
        return str(session.get_one(Tenant, tenant).status)


# One handler, without a queue.


def test_a_new_tenant_is_told_to_all_services(jobs: BlockingJobs, db: Database, billing: LoopbackService):
    ran = jobs.perform("tenant-init", id=ACME)

    assert ran.result == {"tenant": "acme", "called": ["billing", "search"], "taken before": []}
    assert status_of(db, ACME) == "active"
    assert billing.calls[0].headers["idempotency-key"] == f"tenant-init/{ACME}"


def test_a_service_that_fails_is_tried_again_and_one_that_refuses_is_not(
    jobs: BlockingJobs, billing: LoopbackService, search: LoopbackService
):
    billing.failing, search.failing = [503], [200, 422]

    again = jobs.perform("tenant-init", id=ACME, expect="retry")
    search.failing = []
    assert again.retry_in_s == pytest.approx(2, rel=0.21)

    billing.failing = [422]
    refused = jobs.perform("tenant-init", id=ACME, attempt=2, expect="dead")
    assert isinstance(refused.error, Dead)
    assert len(search.calls) == 1  # it had taken the tenant


def test_no_letter_without_an_invitation(jobs: BlockingJobs, mailbox: Mailbox):
    ran = jobs.perform("user-invitation", id=GLOBEX, expect="dead")

    assert f"there is no invitation {GLOBEX}" in ran.text
    assert mailbox.letters == []


# What is enqueued.


async def test_who_becomes_a_tenant_or_is_invited_gets_a_job(jobs: Jobs):
    async with open_resources() as resources:
        app = make_app(resources)
        app.state.resources = resources
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as api:
            tenant = (await api.post("/tenants", json={"name": "Initech"})).json()["data"]
            invited = {"tenant_id": tenant["id"], "role": "admin", "email": "eve@example.org"}
            invitation = (await api.post("/invitations", json=invited)).json()["data"]

    jobs.assert_enqueued("tenant-init", where={"id": tenant["id"]}, queue="critical", in_="0s", count=1)
    jobs.assert_enqueued("user-invitation", where={"id": invitation["id"], "resend": False}, queue="default")
    jobs.refute_enqueued("daily-cleanup")


# A worker, and time.


def test_an_outage_of_eleven_minutes_is_got_over(
    client: BlockingClient, worker: BlockingWorker, billing: LoopbackService, search: LoopbackService, db: Database
):
    billing.failing = [500] * 5
    client.enqueue("tenant-init", id=ACME)

    ran = worker.advance("15m", schedules=())

    assert ran.outcomes == ["retry"] * 5 + ["complete"]
    for got_s, full_s in zip([one.retry_in_s for one in ran], [2, 8, 32, 128, 512, None], strict=True):
        assert full_s is None or 0.8 * full_s <= got_s <= full_s
    assert (len(billing.calls), len(search.calls)) == (6, 1)
    assert status_of(db, ACME) == "active"


def test_a_day_of_housekeeping(client: BlockingClient, worker: BlockingWorker, db: Database, mailbox: Mailbox):
    client.enqueue("user-invitation", id=INVITATION, delay="20h")
    worker.inject(fail("user-invitation"))

    ran = worker.advance("24h", schedules=["system-user-expiry", "daily-cleanup"])

    assert ran.of("system-user-expiry").outcomes == ["complete"] * 24
    assert ran.of("daily-cleanup").outcomes == ["complete"]
    assert ran.of("user-invitation").outcomes == ["retry", "retry", "retry", "dead"]
    assert len(mailbox.letters) == 1  # one warning, by the first of 24
    with db.begin() as session:
        assert sum(user.is_active for user in session.scalars(select(SystemUser))) == 2


def test_a_second_invitation_waits_for_the_first(client: BlockingClient, worker: BlockingWorker, mailbox: Mailbox):
    client.enqueue("user-invitation", id=INVITATION)
    worker.drain(schedules=())
    client.enqueue("user-invitation", id=INVITATION)

    [again] = worker.drain(schedules=())

    assert again.result["skipped"] == "already sent"
    assert len(mailbox.letters) == 1


# Payloads from the declaration.


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(payload=payloads("user-invitation"))
def test_an_invitation_of_anyone_ends_one_way_or_another(jobs: BlockingJobs, payload: dict[str, Any]):
    ran = jobs.perform("user-invitation", payload, expect="dead")

    assert isinstance(ran.error, Dead)  # there is no such invitation, and nothing worse


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(payload=invalid_payloads("tenant-init"))
def test_a_broken_payload_reaches_no_handler(jobs: BlockingJobs, billing: LoopbackService, payload: dict[str, Any]):
    with pytest.raises(PayloadError):
        jobs.perform("tenant-init", payload)

    assert billing.calls == []


# Safe to run again.


def test_tenants_are_safe_to_initialize_again(jobs: BlockingJobs, db: Database, clock: SteppedClock):
    def reset() -> None:
        with db.begin() as session:
            for row in session.scalars(select(ServiceInit)):
                session.delete(row)
            tenant = session.get_one(Tenant, ACME)
            tenant.status, tenant.activated_at = "pending", None  # type: ignore[assignment]

    def probe() -> Any:
        with db.begin() as session:
            return status_of(db, ACME), sorted(session.scalars(select(ServiceInit.service)))

    points = jobs.check_idempotent("tenant-init", id=ACME, probe=probe, reset=reset, most=12)

    assert points == 12


def test_a_warning_is_mailed_once_or_not_at_all(jobs: BlockingJobs, db: Database, mailbox: Mailbox):
    """The promise of `delivery.py`: where a crash leaves it open whether a letter went out, nobody sends another."""

    def probe() -> Any:
        assert len(mailbox.letters) <= 1
        with db.begin() as session:
            return sorted((user.name, user.is_active) for user in session.scalars(select(SystemUser)))

    def reset() -> None:
        mailbox.letters.clear()
        db.create_tables()
        with db.begin() as session:
            for table in reversed(type(session.get_one(Tenant, ACME)).metadata.sorted_tables):
                session.execute(table.delete())
        seed(db, now=clock_now(jobs))

    points = jobs.check_idempotent("system-user-expiry", probe=probe, reset=reset, most=12)

    assert points == 12


def clock_now(jobs: BlockingJobs) -> Any:
    return jobs.broker.clock.now()


# Things that go wrong.


def test_an_outage_is_got_over_whatever_dies_meanwhile(
    client: BlockingClient, worker: BlockingWorker, jobs: BlockingJobs
):
    """The example of the README."""
    client.enqueue("tenant-init", id=ACME)
    worker.inject(fail("tenant-init", attempts=[1, 2]), kill("tenant-init", at="end"))

    assert worker.advance("1h", schedules=()).of("tenant-init").outcomes == ["retry", "retry", "lost", "complete"]
    assert jobs.account().is_sound


@pytest.mark.parametrize("at", ["start", 2, "end"])
def test_a_worker_that_dies_costs_no_tenant(
    client: BlockingClient, worker: BlockingWorker, jobs: BlockingJobs, db: Database, at: Any
):
    client.enqueue("tenant-init", id=ACME)
    worker.inject(kill("tenant-init", at=at))

    ran = worker.advance("1m", schedules=())

    assert ran.outcomes == ["lost", "complete"]
    assert jobs.account().is_sound
    assert status_of(db, ACME) == "active"


def test_a_handler_lets_itself_be_stopped(jobs: BlockingJobs, worker: BlockingWorker, db: Database):
    worker.inject(overrun("tenant-init", at=2))

    assert jobs.perform("tenant-init", id=ACME, expect="retry").text == "timed out after 2m"
    assert status_of(db, ACME) == "pending"


@pytest.mark.slow
@pytest.mark.jobctl(worker="process", arguments=["--no-scheduler"])
def test_the_same_with_a_real_worker_and_a_bad_link(
    broker: HarnessBroker, client: BlockingClient, worker: BlockingWorker, jobs: BlockingJobs, db: Database
):
    client.enqueue("tenant-init", id=ACME)
    client.enqueue("user-invitation", id=INVITATION)
    broker.link.drop_answer(b"EVALSHA")
    worker.inject(kill("tenant-init", at="end"))

    ran = worker.advance("2m")

    assert ran.of("tenant-init").outcomes[-1] == "complete"
    account = jobs.account()
    assert account.is_sound
    assert account.count(Fate.OK) == 2
    assert status_of(db, ACME) == "active"
