from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
import redis
from sqlalchemy import select

from examples.tenants.api import make_app
from examples.tenants.database import Database
from examples.tenants.models import Invitation, OutboxJob, Tenant
from examples.tenants.resources import Resources
from examples.tenants.seed import GLOBEX
from jobctl import BlockingClient
from jobctl.broker.keys import job_id
from jobctl.compiler.plan import Plan


def client_of(resources: Resources) -> httpx.AsyncClient:
    app = make_app(resources)
    app.state.resources = resources  # what the lifespan does, which this transport does not run
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")


@pytest.fixture
async def api(resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(resources) as client:
        yield client


async def test_a_tenant_is_stored_and_its_job_enqueued(api: httpx.AsyncClient, db: Database, server: redis.Redis):
    answer = await api.post("/tenants", json={"name": "Initech", "metadata": {"plan": "team"}})

    assert answer.status_code == 201
    tenant, job = answer.json()["data"], answer.json()["job"]
    assert (tenant["slug"], tenant["status"]) == ("initech", "pending")
    assert (job["name"], job["state"]) == ("tenant-init", "enqueued")
    assert server.exists(job_id("critical", job["key"]))
    with db.begin() as session:
        assert session.get_one(Tenant, uuid.UUID(tenant["id"])).details == {"plan": "team"}
        [promised] = session.scalars(select(OutboxJob))
        assert promised.sent_at is not None
        assert promised.payload == {"id": tenant["id"]}
    assert (await api.get(f"/tenants/{tenant['id']}")).json()["data"] == tenant


async def test_an_invitation_is_stored_and_its_job_enqueued(api: httpx.AsyncClient, db: Database, server: redis.Redis):
    body = {"tenant_id": str(GLOBEX), "role": "admin", "email": "eve@example.org"}

    answer = await api.post("/invitations", json=body)

    assert answer.status_code == 201
    assert "token" not in answer.text
    data, job = answer.json()["data"], answer.json()["job"]
    assert server.exists(job_id("default", job["key"]))
    with db.begin() as session:
        invitation = session.get_one(Invitation, uuid.UUID(data["id"]))
        assert (invitation.role.name, invitation.email) == ("admin", "eve@example.org")


async def test_without_a_broker_the_request_succeeds_and_the_job_waits(resources: Resources, db: Database, plan: Plan):
    cut_off = replace(resources, broker=BlockingClient(plan, "unix:///nowhere/valkey.sock"))

    async with client_of(cut_off) as api:
        answer = await api.post("/tenants", json={"name": "Initech"})

    assert answer.status_code == 201
    assert answer.json()["job"]["state"] == "in the outbox"
    with db.begin() as session:
        [promised] = session.scalars(select(OutboxJob))
    assert promised.sent_at is None
    assert promised.id.hex == answer.json()["job"]["key"]


async def test_a_slug_that_is_taken_is_a_conflict_and_leaves_no_promise(api: httpx.AsyncClient, db: Database):
    answer = await api.post("/tenants", json={"name": "Another Acme", "slug": "acme"})

    assert answer.status_code == 409
    with db.begin() as session:
        assert session.scalars(select(OutboxJob)).all() == []


@pytest.mark.parametrize(
    ("path", "body", "status", "problem"),
    [
        ("/tenants", {}, 422, "name"),
        ("/invitations", {"tenant_id": "7", "email": "x"}, 422, "tenant_id"),
        ("/invitations", {"tenant_id": str(uuid.uuid4()), "email": "a@b.example"}, 404, "no tenant"),
        ("/invitations", {"tenant_id": str(GLOBEX), "role": "king", "email": "a@b.example"}, 404, "no role"),
    ],
)
async def test_a_request_that_cannot_be_served_says_why(
    api: httpx.AsyncClient, path: str, body: object, status: int, problem: str
):
    answer = await api.post(path, json=body)

    assert answer.status_code == status
    assert problem in answer.text


async def test_a_body_that_is_not_json(api: httpx.AsyncClient):
    answer = await api.post("/tenants", content=b"{")

    assert (answer.status_code, answer.json()) == (400, {"error": "the body is not JSON"})


async def test_an_unknown_tenant_is_not_found(api: httpx.AsyncClient):
    assert (await api.get(f"/tenants/{uuid.uuid4()}")).status_code == 404
