from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, select, update

from examples.tenants.config import Service
from examples.tenants.database import Database
from examples.tenants.demo.loopback import Mailbox
from examples.tenants.handlers.daily_cleanup import KEEP_OUTBOX, KEEP_PROCESSED, clean_up
from examples.tenants.handlers.health_check import Unhealthy, check_health
from examples.tenants.handlers.system_user_expiry import expire_system_users
from examples.tenants.models import (
    Invitation,
    InvitationStatus,
    OutboxJob,
    ProcessedTask,
    SystemUser,
    TaskState,
)
from examples.tenants.resources import Resources
from examples.tenants.seed import INVITATION, seed_id
from jobctl import Context
from jobctl.clock import FakeClock

MakeContext = Callable[..., Context]


def test_expiry_switches_off_with_one_update_and_warns_those_in_grace(
    context: MakeContext, db: Database, now: datetime, mailbox: Mailbox
):
    updates: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *facts: updates.append(facts[2]))

    result = expire_system_users(context("system-user-expiry"))

    assert result == {"expired": 1, "warned": 1}
    [letter] = mailbox.letters
    assert letter["To"] == "reporting-owner@example.org"
    assert "until 27 November 2023, 22:13 UTC" in letter.get_content()
    assert sum(text.startswith("UPDATE system_users SET is_active") for text in updates) == 1
    with db.begin() as session:
        active = {user.name: user.is_active for user in session.scalars(select(SystemUser))}
        over = session.get_one(SystemUser, seed_id("system-user/importer"))
    assert active == {"backup": True, "reporting": True, "importer": False}
    assert over.deactivated_at == now


def test_a_warning_goes_out_once(context: MakeContext, mailbox: Mailbox):
    expire_system_users(context("system-user-expiry"))

    result = expire_system_users(context("system-user-expiry", key="an hour later"))

    assert result == {"expired": 0, "warned": 0}
    assert len(mailbox.letters) == 1


def test_a_warning_that_failed_is_tried_again_and_does_not_fail_the_job(context: MakeContext, mailbox: Mailbox):
    mailbox.rcpt_answer = "550 no such person"
    first = expire_system_users(context("system-user-expiry"))
    mailbox.rcpt_answer = "250 OK"

    second = expire_system_users(context("system-user-expiry", key="an hour later"))

    assert first == {"expired": 1, "warned": 0}
    assert second == {"expired": 0, "warned": 1}


def test_a_renewed_user_is_warned_again_when_that_runs_out(
    context: MakeContext, db: Database, clock: FakeClock, now: datetime, mailbox: Mailbox
):
    expire_system_users(context("system-user-expiry"))
    renewed = {"expires_at": now + timedelta(days=1), "grace_ends_at": now + timedelta(days=9), "is_warned": False}
    with db.begin() as session:
        session.execute(update(SystemUser).where(SystemUser.name == "reporting").values(**renewed))
    clock.advance(2 * 86_400)

    expire_system_users(context("system-user-expiry", key="k2"))

    assert len(mailbox.to("reporting-owner@example.org")) == 2


def test_cleanup_forgets_what_is_over_and_keeps_the_rest(context: MakeContext, db: Database, clock: FakeClock):
    clock.advance(100 * 86_400)
    ctx = context("daily-cleanup")
    now = datetime.fromtimestamp(clock.time()).astimezone()
    with db.begin() as session:
        for name, age in (("old", KEEP_PROCESSED), ("young", KEEP_PROCESSED / 2)):
            done = now - age - timedelta(hours=1)
            session.add(
                ProcessedTask(task_id=name, state=TaskState.SENT, job_key="k", claimed_at=done, finished_at=done)
            )
        long_ago = now - timedelta(days=365)
        session.add(ProcessedTask(task_id="unfinished", state=TaskState.SENDING, job_key="k", claimed_at=long_ago))
        for name, sent in (("kept", now - 2 * KEEP_OUTBOX), ("fresh", now), ("waiting", None)):
            session.add(OutboxJob(job=name, payload={}, created_at=long_ago, sent_at=sent))

    counts = clean_up(ctx)

    assert counts == {"invitations_expired": 1, "tasks_forgotten": 1, "promises_forgotten": 1}
    with db.begin() as session:
        assert set(session.scalars(select(ProcessedTask.task_id))) == {"young", "unfinished"}
        assert set(session.scalars(select(OutboxJob.job))) == {"fresh", "waiting"}
        assert session.get_one(Invitation, INVITATION).status == InvitationStatus.EXPIRED


async def test_health_names_each_part_that_is_up(context: MakeContext):
    parts = await check_health(context("health-check"))

    assert set(parts) == {"database", "broker", "mail", "service billing", "service search"}
    assert all(took.endswith(" ms") for took in parts.values())


async def test_health_fails_with_all_that_is_down(
    context: MakeContext, resources: Resources, tmp_path_factory: pytest.TempPathFactory
):
    services = (*resources.config.services, Service(name="gone", url="http://127.0.0.1:1"))
    empty = Database(f"sqlite:///{tmp_path_factory.mktemp('empty')}/without-tables.db")
    ctx = context(
        "health-check",
        config=replace(resources.config, services=services),
        db=empty,
        broker_url="unix:///nowhere/valkey.sock",
    )

    with pytest.raises(Unhealthy) as caught:
        await check_health(ctx)
    empty.close()

    text = str(caught.value)
    assert "database is down" in text
    assert "broker is down: no broker answers" in text
    assert "service gone is down" in text
    assert "billing" not in text
    assert "mail" not in text
