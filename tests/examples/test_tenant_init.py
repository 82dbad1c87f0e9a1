from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from examples.tenants.database import Database
from examples.tenants.demo.loopback import LoopbackService
from examples.tenants.handlers.tenant_init import ServicesFailed, initialize_tenant
from examples.tenants.models import ServiceInit, Tenant, TenantStatus
from examples.tenants.resources import Resources
from examples.tenants.seed import ACME, GLOBEX
from jobctl import Cancel, Context, Dead, RetryAfter

MakeContext = Callable[..., Context]


def status_of(db: Database, id: uuid.UUID) -> str:
    with db.begin() as session:
        return session.get_one(Tenant, id).status


async def test_every_service_hears_of_the_tenant_and_it_becomes_active(
    context: MakeContext, db: Database, billing: LoopbackService, search: LoopbackService
):
    ctx = context("tenant-init")

    result = await initialize_tenant(ctx, ACME)

    assert result == {"tenant": "acme", "called": ["billing", "search"], "taken before": []}
    assert status_of(db, ACME) == TenantStatus.ACTIVE
    assert ctx.fraction == 1
    for service in (billing, search):
        [call] = service.calls
        assert call.body == {
            "tenant_id": str(ACME),
            "tenant_name": "Acme Corporation",
            "tenant_slug": "acme",
            "metadata": {"plan": "team", "seats": 12},
            "created_at": "2023-11-14T22:13:20+00:00",
        }


async def test_a_retry_calls_only_the_services_that_have_not_answered(
    context: MakeContext, db: Database, billing: LoopbackService, search: LoopbackService
):
    search.failing = [503, 500]
    for attempt in (1, 2):
        with pytest.raises(ServicesFailed, match="search: answered 50"):
            await initialize_tenant(context("tenant-init", attempt=attempt), ACME)
        assert status_of(db, ACME) == TenantStatus.PENDING

    result = await initialize_tenant(context("tenant-init", attempt=3), ACME)

    assert [call.answer for call in billing.calls] == [200]
    assert [call.answer for call in search.calls] == [503, 500, 200]
    assert result == {"tenant": "acme", "called": ["search"], "taken before": ["billing"]}
    assert status_of(db, ACME) == TenantStatus.ACTIVE


async def test_progress_is_kept_for_the_services_that_answered(context: MakeContext, search: LoopbackService):
    search.failing = [503]
    ctx = context("tenant-init")

    with pytest.raises(ServicesFailed):
        await initialize_tenant(ctx, ACME)

    assert ctx.fraction == 0.5


async def test_several_failures_are_all_named(context: MakeContext, billing: LoopbackService, search: LoopbackService):
    billing.failing, search.failing = [500], [502]

    with pytest.raises(ServicesFailed, match=r"billing: answered 500.*search: answered 502"):
        await initialize_tenant(context("tenant-init"), ACME)


async def test_an_active_tenant_is_left_alone(context: MakeContext, billing: LoopbackService):
    result = await initialize_tenant(context("tenant-init"), GLOBEX)

    assert result == {"tenant": "globex", "skipped": "already active"}
    assert billing.calls == []


async def test_an_unknown_tenant_is_not_retried(context: MakeContext):
    with pytest.raises(Dead, match="there is no tenant"):
        await initialize_tenant(context("tenant-init"), uuid.uuid4())


async def test_a_suspended_tenant_is_cancelled(context: MakeContext, db: Database, billing: LoopbackService):
    with db.begin() as session:
        session.execute(update(Tenant).where(Tenant.id == ACME).values(status=TenantStatus.SUSPENDED))

    with pytest.raises(Cancel, match="acme"):
        await initialize_tenant(context("tenant-init"), ACME)

    assert billing.calls == []


async def test_a_refusal_ends_the_job_and_keeps_the_progress_of_the_others(
    context: MakeContext, db: Database, search: LoopbackService
):
    search.failing = [422]

    with pytest.raises(Dead, match=r"search: answered 422 .*\"service\": \"search\""):
        await initialize_tenant(context("tenant-init"), ACME)

    with db.begin() as session:
        assert session.scalars(select(ServiceInit.service)).all() == ["billing"]


async def test_a_service_decides_when_it_is_asked_again(context: MakeContext, search: LoopbackService):
    search.failing, search.answer_headers = [429], {"Retry-After": "90"}

    with pytest.raises(RetryAfter, match="429") as caught:
        await initialize_tenant(context("tenant-init"), ACME)

    assert caught.value.delay_s == 90


async def test_without_services_a_tenant_is_active_at_once(context: MakeContext, resources: Resources, db: Database):
    config = type(resources.config)(database_url="sqlite:///x")

    result = await initialize_tenant(context("tenant-init", config=config), ACME)

    assert result["called"] == []
    assert status_of(db, ACME) == TenantStatus.ACTIVE
