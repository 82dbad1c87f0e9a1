from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from jobctl.client import BlockingClient, Client
from jobctl.clock import FakeClock
from jobctl.compiler.plan import Plan, QueuePlan, Registration
from jobctl.spec.model import Backoff, FieldType, PayloadField, Scheduling, Unique


def registration(
    name: str, *, queue: str = "default", unique: Unique | None = None, **fields: FieldType
) -> Registration:
    return Registration(
        name=name,
        type=name.replace("-", ":"),
        handler="app:run",
        queue=queue,
        summary="",
        attempts=4,
        timeout_s=300.0,
        heartbeat_s=0.0,
        retention_s=3600.0,
        dead_retention_s=86_400.0,
        max_crashes=3,
        backoff=Backoff(),
        unique=unique,
        payload=tuple(PayloadField(name=field, type=kind, flag=field) for field, kind in fields.items()),
        alert=(),
        tags=(),
    )


@pytest.fixture(scope="session")
def plan() -> Plan:
    return Plan(
        queues=(
            QueuePlan(name="critical", weight=6, share=0.6),
            QueuePlan(name="default", weight=3, share=0.3),
            QueuePlan(name="low", weight=1, share=0.1),
        ),
        scheduling=Scheduling.WEIGHTED,
        registrations=(
            registration("mail-send", to=FieldType.STRING),
            registration("clean-up", queue="low"),
            registration("sync-tenant", unique=Unique(by=("id",)), id=FieldType.INT),
            registration("sync-briefly", unique=Unique(by=("id",), for_s=60.0), id=FieldType.INT),
        ),
        schedules=(),
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def client(plan: Plan, redis_url: str) -> AsyncIterator[Client]:
    async with Client(plan, redis_url) as client:
        yield client


@pytest.fixture
def blocking(plan: Plan, redis_url: str) -> Iterator[BlockingClient]:
    with BlockingClient(plan, redis_url) as client:
        yield client
