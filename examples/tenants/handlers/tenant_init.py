"""`tenant-init`: tell every service of a new tenant, then mark it active."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from sqlalchemy import select, update

from examples.tenants.config import Service
from examples.tenants.database import Database
from examples.tenants.models import ServiceInit, Tenant, TenantStatus
from examples.tenants.resources import Resources, resources_of
from examples.tenants.services import ServiceFailed, ServiceRefused
from jobctl import Cancel, Context, Dead, RetryAfter

MAX_RETRY_AFTER_S = 3600.0  # a service does not get to park a tenant for longer


class ServicesFailed(Exception):
    """Some services did not take the tenant; the message names them all."""


async def initialize_tenant(ctx: Context, id: uuid.UUID) -> dict[str, Any]:
    """Call the services that have not yet taken this tenant, all at once, and activate it when all have.

    A service may be called twice if its answer was lost or this process died before noting it; the call carries an
    idempotency key. A service whose 2xx has been noted is never called again.

    Raises:
        Dead: there is no such tenant, or a service refuses it for good.
        Cancel: the tenant is suspended.
        RetryAfter: a service asked for a pause.
        ServicesFailed: services that failed; retried.
    """
    resources = resources_of(ctx.state)
    tenant, taken = await asyncio.to_thread(_load, resources.db, id)
    if tenant.status == TenantStatus.ACTIVE:
        ctx.log.info("tenant is active already")
        return {"tenant": tenant.slug, "skipped": "already active"}
    if tenant.status == TenantStatus.SUSPENDED:
        raise Cancel(f"tenant `{tenant.slug}` is suspended")

    waiting = [service for service in resources.config.services if service.name not in taken]
    answers = await asyncio.gather(
        *(_initialize(resources, service, tenant) for service in waiting), return_exceptions=True
    )
    ctx.progress((len(taken) + answers.count(None)) / max(len(resources.config.services), 1))
    _raise_worst([answer for answer in answers if answer is not None])

    await asyncio.to_thread(_activate, resources, id)
    called = [service.name for service in waiting]
    ctx.log.info("tenant is active", extra={"tenant": tenant.slug, "called": called})
    return {"tenant": tenant.slug, "called": called, "taken before": sorted(taken)}


def _load(db: Database, id: uuid.UUID) -> tuple[Tenant, set[str]]:
    with db.begin() as session:
        tenant = session.get(Tenant, id)
        if tenant is None:
            raise Dead(f"there is no tenant {id}")
        taken = session.scalars(select(ServiceInit.service).where(ServiceInit.tenant_id == id))
        return tenant, set(taken)


async def _initialize(resources: Resources, service: Service, tenant: Tenant) -> None:
    facts = {
        "tenant_id": str(tenant.id),
        "tenant_name": tenant.name,
        "tenant_slug": tenant.slug,
        "metadata": tenant.details,
        "created_at": tenant.created_at.isoformat(),
    }
    status_code = await resources.services.initialize(service, facts)
    # Noted at once, in a transaction of its own: what another service does cannot undo it.
    await asyncio.to_thread(_note, resources, service, tenant.id, status_code)


def _note(resources: Resources, service: Service, tenant_id: uuid.UUID, status_code: int) -> None:
    with resources.db.begin() as session:
        session.merge(
            ServiceInit(tenant_id=tenant_id, service=service.name, status_code=status_code, answered_at=resources.now())
        )


def _activate(resources: Resources, id: uuid.UUID) -> None:
    with resources.db.begin() as session:
        session.execute(
            update(Tenant)
            .where(Tenant.id == id, Tenant.status == TenantStatus.PENDING)
            .values(status=TenantStatus.ACTIVE, activated_at=resources.now())
        )


def _raise_worst(errors: list[BaseException]) -> None:
    """Decide the fate of the attempt: a refusal for good outweighs what a retry may mend."""
    if not errors:
        return
    told = "; ".join(str(error) or type(error).__name__ for error in errors)
    if any(isinstance(error, ServiceRefused) for error in errors):
        raise Dead(told)
    pauses_s = [error.retry_after_s for error in errors if isinstance(error, ServiceFailed) and error.retry_after_s]
    if pauses_s:
        raise RetryAfter(min(max(pauses_s), MAX_RETRY_AFTER_S), told)
    raise ServicesFailed(told) from errors[0]
