"""The HTTP API: creates tenants and invitations, and has the rest done by jobs.

    python -m examples.tenants.api --port 8000

A request commits its data together with the promise of a job (`outbox.py`), then tries to enqueue that job at once. If
the broker is away the request succeeds all the same, and `outbox-drain` keeps the promise later. The example has no
login: it listens on the loopback interface unless told otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import uvicorn
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from examples.tenants.models import Invitation, OutboxJob, Role, Tenant
from examples.tenants.outbox import promise
from examples.tenants.requests import Invalid, NewInvitation, NewTenant
from examples.tenants.resources import Resources, open_resources
from jobctl.errors import JobctlError

log = logging.getLogger(__name__)

INVITATION_LIFE = timedelta(days=7)
ENQUEUE_PATIENCE_S = 2.0  # a client need not wait longer for a broker that is away: the promise is safe


async def create_tenant(request: Request) -> JSONResponse:
    """`POST /tenants` with name, slug, metadata: 201, 409 if the slug is taken, 422."""
    new = NewTenant.read(await _body(request))
    resources: Resources = request.app.state.resources
    tenant, promised = await asyncio.to_thread(_store_tenant, resources, new)
    data = {"id": str(tenant.id), "name": tenant.name, "slug": tenant.slug, "status": tenant.status}
    return JSONResponse({"data": data, "job": await _enqueue(resources, promised)}, status_code=201)


async def create_invitation(request: Request) -> JSONResponse:
    """`POST /invitations` with tenant_id, role, email: 201, 404 if there is no such tenant or role, 422."""
    new = NewInvitation.read(await _body(request))
    resources: Resources = request.app.state.resources
    invitation, promised = await asyncio.to_thread(_store_invitation, resources, new)
    data = {
        "id": str(invitation.id),
        "tenant_id": str(invitation.tenant_id),
        "role": new.role,
        "email": invitation.email,
        "expires_at": invitation.expires_at.isoformat(),
    }
    return JSONResponse({"data": data, "job": await _enqueue(resources, promised)}, status_code=201)


async def show_tenant(request: Request) -> JSONResponse:
    """`GET /tenants/{id}`: 200, 404."""
    resources: Resources = request.app.state.resources
    id: uuid.UUID = request.path_params["id"]

    def load() -> Tenant | None:
        with resources.db.begin() as session:
            return session.get(Tenant, id)

    tenant = await asyncio.to_thread(load)
    if tenant is None:
        raise HTTPException(404, f"there is no tenant {id}")
    data = {"id": str(id), "name": tenant.name, "slug": tenant.slug, "status": tenant.status}
    return JSONResponse({"data": data})


def _store_tenant(resources: Resources, new: NewTenant) -> tuple[Tenant, OutboxJob]:
    tenant = Tenant(
        id=uuid.uuid4(), name=new.name, slug=new.slug, details=dict(new.metadata), created_at=resources.now()
    )
    try:
        with resources.db.begin() as session:
            session.add(tenant)
            promised = promise(session, "tenant-init", {"id": str(tenant.id)}, now=resources.now())
    except IntegrityError:
        raise HTTPException(409, f"the slug `{new.slug}` is taken") from None
    return tenant, promised


def _store_invitation(resources: Resources, new: NewInvitation) -> tuple[Invitation, OutboxJob]:
    now = resources.now()
    with resources.db.begin() as session:
        if session.get(Tenant, new.tenant_id) is None:
            raise HTTPException(404, f"there is no tenant {new.tenant_id}")
        role_id = session.scalar(select(Role.id).where(Role.name == new.role))
        if role_id is None:
            raise HTTPException(404, f"there is no role `{new.role}`")
        invitation = Invitation(
            id=uuid.uuid4(),
            tenant_id=new.tenant_id,
            role_id=role_id,
            email=new.email,
            token=secrets.token_urlsafe(32),
            created_at=now,
            expires_at=now + INVITATION_LIFE,
        )
        session.add(invitation)
        promised = promise(session, "user-invitation", {"id": str(invitation.id)}, now=now)
    return invitation, promised


async def _enqueue(resources: Resources, promised: OutboxJob) -> dict[str, str]:
    """Try to keep a promise now; if that does not work in time, it waits in the outbox."""
    try:
        # When patience ends the thread goes on, and notes what came of it.
        key = await asyncio.wait_for(asyncio.to_thread(resources.outbox.keep, promised), ENQUEUE_PATIENCE_S)
    except (TimeoutError, JobctlError) as error:
        log.warning("job waits in the outbox", extra={"job": promised.job, "error": str(error) or "no answer yet"})
        return {"name": promised.job, "key": promised.id.hex, "state": "in the outbox"}
    return {"name": promised.job, "key": key, "state": "enqueued"}


async def _body(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise HTTPException(400, "the body is not JSON") from None


async def _explain(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, Invalid):
        return JSONResponse({"error": "the body is not valid", "problems": error.problems}, status_code=422)
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


def make_app(resources: Resources | None = None) -> Starlette:
    """Return the application.

    Args:
        resources: open ones that the caller closes; None = opened by the environment while the application runs.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if resources is not None:
            app.state.resources = resources
            yield
        else:
            async with open_resources() as app.state.resources:
                yield

    return Starlette(
        routes=[
            Route("/tenants", create_tenant, methods=["POST"]),
            Route("/tenants/{id:uuid}", show_tenant),
            Route("/invitations", create_invitation, methods=["POST"]),
        ],
        exception_handlers={Invalid: _explain, HTTPException: _explain},
        lifespan=lifespan,
    )


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m examples.tenants.api", description="The API of the tenants system")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 = any free one; the first line printed says which")
    options = parser.parse_args()
    listener = socket.create_server((options.host, options.port))
    print(f"listening on http://{options.host}:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(make_app(), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
