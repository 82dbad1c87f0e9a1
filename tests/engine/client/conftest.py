from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.registrations import registration

from jobctl.client import BlockingClient, Client
from jobctl.clock import FakeClock
from jobctl.compiler.plan import Plan, QueuePlan
from jobctl.spec.model import FieldType, PayloadField, Scheduling, Unique


def field(name: str, kind: FieldType) -> PayloadField:
    return PayloadField(name=name, type=kind, flag=name)


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
            registration("mail-send", field("to", FieldType.STRING)),
            registration("clean-up", queue="low"),
            registration("sync-tenant", field("id", FieldType.INT), unique=Unique(by=("id",))),
            registration("sync-briefly", field("id", FieldType.INT), unique=Unique(by=("id",), for_s=60.0)),
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
