from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import select

from examples.tenants.database import Database
from examples.tenants.handlers.outbox_drain import drain_outbox
from examples.tenants.models import OutboxJob
from examples.tenants.outbox import BATCH, IN_FLIGHT, promise
from examples.tenants.resources import Resources
from examples.tenants.seed import ACME, INVITATION
from jobctl import BlockingClient, Context
from jobctl.broker.keys import QueueKeys, job_id
from jobctl.clock import FakeClock
from jobctl.compiler.plan import Plan
from jobctl.errors import BrokerUnreachable, PayloadError

MakeContext = Callable[..., Context]


def promised(db: Database, now: datetime, job: str = "tenant-init", payload: dict[str, Any] | None = None) -> OutboxJob:
    with db.begin() as session:
        return promise(session, job, payload or {"id": str(ACME)}, now=now)


def waiting(db: Database) -> list[OutboxJob]:
    with db.begin() as session:
        return list(session.scalars(select(OutboxJob).where(OutboxJob.sent_at.is_(None))))


@pytest.fixture
def cut_off(resources: Resources, plan: Plan) -> Resources:
    """Resources whose broker does not answer."""
    return replace(resources, broker=BlockingClient(plan, "unix:///nowhere/valkey.sock"))


def test_a_promise_is_kept_under_its_own_key(resources: Resources, db: Database, now: datetime, server: redis.Redis):
    row = promised(db, now)

    key = resources.outbox.keep(row)

    assert key == row.id.hex
    assert server.exists(job_id("critical", key))
    assert waiting(db) == []


def test_a_promise_that_is_rolled_back_leaves_nothing(db: Database, now: datetime):
    with suppress(ZeroDivisionError), db.begin() as session:
        promise(session, "tenant-init", {"id": str(ACME)}, now=now)
        raise ZeroDivisionError

    assert waiting(db) == []


def test_a_broker_that_is_away_costs_nothing_but_time(
    cut_off: Resources, context: MakeContext, db: Database, now: datetime, server: redis.Redis
):
    row = promised(db, now)
    with pytest.raises(BrokerUnreachable):
        cut_off.outbox.keep(row)
    [left] = waiting(db)
    assert (left.tries, left.last_error) == (1, left.last_error)
    assert "no broker answers" in (left.last_error or "")

    result = drain_outbox(context("outbox-drain"))

    assert result == {"kept": 1, "unkeepable": 0}
    assert server.lrange(QueueKeys("critical").queued, 0, -1) == [job_id("critical", row.id.hex).encode()]
    assert waiting(db) == []


def test_draining_without_a_broker_fails_and_keeps_the_rest(cut_off: Resources, db: Database, now: datetime):
    promised(db, now - IN_FLIGHT - timedelta(seconds=1))

    with pytest.raises(BrokerUnreachable):
        cut_off.outbox.keep_all()

    assert len(waiting(db)) == 1


def test_a_fresh_promise_is_left_to_the_one_who_made_it(
    resources: Resources, db: Database, now: datetime, clock: FakeClock
):
    promised(db, now)

    early = resources.outbox.keep_all()
    clock.advance(IN_FLIGHT.total_seconds() + 1)
    late = resources.outbox.keep_all()

    assert (early, late) == ((0, 0), (1, 0))


def test_a_promise_kept_but_not_noted_is_enqueued_once(
    resources: Resources, db: Database, now: datetime, clock: FakeClock, server: redis.Redis
):
    row = promised(db, now)
    resources.broker.enqueue(row.job, row.payload, key=row.id.hex)  # and here its process died
    clock.advance(IN_FLIGHT.total_seconds() + 1)

    assert resources.outbox.keep_all() == (1, 0)

    assert server.llen(QueueKeys("critical").queued) == 1
    assert waiting(db) == []


def test_an_unfinished_job_for_the_same_thing_keeps_the_promise(resources: Resources, db: Database, now: datetime):
    holder = resources.broker.enqueue("user-invitation", {"id": INVITATION}).key
    row = promised(db, now, "user-invitation", {"id": str(INVITATION)})

    key = resources.outbox.keep(row)

    assert key == holder
    assert waiting(db) == []


def test_what_cannot_be_kept_does_not_stand_in_the_way(
    resources: Resources, db: Database, now: datetime, clock: FakeClock
):
    with db.begin() as session:
        for _ in range(BATCH + 1):
            promise(session, "tenant-init", {"identity": "?"}, now=now)
        promise(session, "no-such-job", {}, now=now)
    clock.advance(1)
    promised(db, now + timedelta(seconds=1))
    clock.advance(IN_FLIGHT.total_seconds() + 1)

    assert resources.outbox.keep_all() == (1, BATCH + 2)

    rows = waiting(db)
    assert len(rows) == BATCH + 2
    assert all(row.tries == 1 and row.last_error for row in rows)


def test_a_payload_its_job_does_not_take_is_the_callers_to_know(resources: Resources, db: Database, now: datetime):
    with pytest.raises(PayloadError):
        resources.outbox.keep(promised(db, now, payload={"identity": "?"}))
