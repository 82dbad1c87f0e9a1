"""The shipped specs through a real worker: hooks, handlers, retries and alerts together."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from examples.tenants.api import make_app
from examples.tenants.config import Config
from examples.tenants.database import Database
from examples.tenants.demo.loopback import LoopbackService, Mailbox
from examples.tenants.models import Tenant, TenantStatus
from examples.tenants.resources import open_resources
from examples.tenants.seed import ACME, INVITATION, seed
from jobctl import Client, Worker
from jobctl.compiler.handlers import bind
from jobctl.compiler.plan import Plan
from jobctl.records import JobRecord, JobState
from jobctl.settings import Settings
from jobctl.spec.model import Backoff
from jobctl.worker.process import resolve_hooks


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    redis_url: str,
    smtp_port: int,
    billing: LoopbackService,
    search: LoopbackService,
) -> Config:
    """A process configured as in production, by its environment alone."""
    for name, value in {
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "EMAIL_PROVIDER": "smtp",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "TENANT_INIT_SERVICES": f"billing={billing.url},search={search.url}",
        "ALERT_EMAIL": "ops@example.com",
    }.items():
        monkeypatch.setenv(name, value)
    config = Config.from_env()
    db = Database(config.database_url)
    db.create_tables()
    seed(db, now=datetime.now(UTC))
    db.close()
    return config


@pytest.fixture
def impatient(plan: Plan) -> Plan:
    """The shipped plan with retries at once."""
    at_once = Backoff(delay_s=0.01, factor=1, jitter=0)
    return replace(plan, registrations=tuple(replace(job, backoff=at_once) for job in plan.registrations))


@asynccontextmanager
async def running_worker(plan: Plan, url: str) -> AsyncIterator[Client]:
    worker = Worker.for_plan(plan, bind(plan), url=url, hooks=resolve_hooks(plan), run_scheduler=False)
    serving = asyncio.create_task(worker.run())
    async with Client(plan, url) as client:
        try:
            yield client
        finally:
            await worker.stop()
            assert await serving == 0


async def run(client: Client, job: str, **payload: object) -> JobRecord:
    enqueued = await client.enqueue(job, payload)
    return await client.wait(enqueued.key, timeout=20)


async def test_a_tenant_whose_service_fails_at_first_becomes_active(
    environment: Config, impatient: Plan, redis_url: str, billing: LoopbackService, search: LoopbackService
):
    billing.failing = [503, 500]

    async with running_worker(impatient, redis_url) as client:
        record = await run(client, "tenant-init", id=ACME)

    assert (record.state, record.attempts) == (JobState.COMPLETE, 3)
    assert record.result == {"tenant": "acme", "called": ["billing"], "taken before": ["search"]}
    assert [attempt.outcome for attempt in record.history[:2]] == ["retry", "retry"]
    assert "billing: answered 503" in (record.history[0].error or "")
    assert len(search.calls) == 1
    db = Database(environment.database_url)
    with db.begin() as session:
        assert session.get_one(Tenant, ACME).status == TenantStatus.ACTIVE
    db.close()


async def test_a_tenant_that_dies_raises_one_alert(
    environment: Config, impatient: Plan, redis_url: str, billing: LoopbackService, mailbox: Mailbox
):
    billing.failing = [500] * 6

    async with running_worker(impatient, redis_url) as client:
        record = await run(client, "tenant-init", id=ACME)

    assert (record.state, record.attempts) == (JobState.DEAD, 6)
    [alert] = mailbox.to("ops@example.com")
    assert alert["Subject"] == "Job tenant-init is dead (attempt 6 of 6)"
    assert f"jobctl replay {record.key}" in alert.get_content()


async def test_an_invitation_enqueued_twice_is_mailed_once(
    environment: Config, plan: Plan, redis_url: str, mailbox: Mailbox
):
    async with running_worker(plan, redis_url) as client:
        first = await run(client, "user-invitation", id=INVITATION)
        second = await run(client, "user-invitation", id=INVITATION)

    assert first.result == {"invitation": str(INVITATION), "sent_to": "ada@example.org"}
    assert second.result == {"invitation": str(INVITATION), "skipped": "already sent"}
    assert len(mailbox.letters) == 1


async def test_every_scheduled_job_completes(environment: Config, plan: Plan, redis_url: str):
    async with running_worker(plan, redis_url) as client:
        records = [await run(client, schedule.job, **schedule.payload) for schedule in plan.schedules]

    assert {record.type: record.state for record in records} == {
        "system_user:expiry": JobState.COMPLETE,
        "daily-cleanup": JobState.COMPLETE,
        "health-check": JobState.COMPLETE,
        "outbox-drain": JobState.COMPLETE,
    }


async def test_a_health_check_that_fails_is_dead_at_once_and_alerts(
    environment: Config, plan: Plan, redis_url: str, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TENANT_INIT_SERVICES", "gone=http://127.0.0.1:1")

    async with running_worker(plan, redis_url) as client:
        record = await run(client, "health-check")

    assert (record.state, record.attempts) == (JobState.DEAD, 1)
    [alert] = mailbox.letters
    assert "service gone is down" in alert.get_content()


async def test_what_the_api_could_not_enqueue_is_done_all_the_same(environment: Config, plan: Plan, redis_url: str):
    async with open_resources(settings=Settings(redis_url="redis://127.0.0.1:1")) as cut_off:
        app = make_app(cut_off)
        app.state.resources = cut_off
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as api:
            answer = (await api.post("/tenants", json={"name": "Umbrella"})).json()

    async with running_worker(plan, redis_url) as client:
        drained = await run(client, "outbox-drain")
        record = await client.wait(answer["job"]["key"], timeout=20)

    assert drained.result == {"kept": 1, "unkeepable": 0}
    assert record.state is JobState.COMPLETE
    db = Database(environment.database_url)
    with db.begin() as session:
        assert session.get_one(Tenant, uuid.UUID(answer["data"]["id"])).status == TenantStatus.ACTIVE
    db.close()
