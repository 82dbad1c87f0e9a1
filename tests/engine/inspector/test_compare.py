"""A plan compared with the one that runs on a broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from jobctl.broker import keys
from jobctl.broker.applied import read_plan, write_plan
from jobctl.broker.connect import connect
from jobctl.client import Client, NewJob
from jobctl.compiler import compile_spec
from jobctl.compiler.facts import facts
from jobctl.compiler.plan import Plan
from jobctl.inspector import compare as module
from jobctl.inspector.compare import Move, Stranded, compare
from jobctl.spec import load

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
SPEC = """
version: 1
queues: {critical: 6, default: 3}
jobs:
  mail: {handler: "shop:mail", payload: {id: int}}
  pay: {handler: "shop:pay", queue: critical, type: "pay:now"}
  clean: {handler: "shop:clean", cron: "0 2 * * *"}
"""


@pytest.fixture
def plan_of(tmp_path) -> Callable[..., Plan]:
    def compile_text(*replacements: tuple[str, str]) -> Plan:
        text = SPEC
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "spec.yaml"
        file.write_text(text)
        return compile_spec(load(file))

    return compile_text


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    async with connect(redis_url) as client:
        yield client


@pytest.fixture
async def applied(redis: Any, plan_of: Callable[..., Plan]) -> Plan:
    """The plan that a worker has left."""
    plan = plan_of()
    await write_plan(redis, facts(plan), "w1")
    return plan


async def test_broker_without_a_plan_differs_in_everything(redis: Any, plan_of: Callable[..., Plan]) -> None:
    found = await compare(redis, plan_of(), NOW)

    assert found.applied is None
    assert {one.verb for one in found.difference.changes} == {"added"}
    assert len(found.difference.changes) == 2 + 3 + 1
    assert not found.is_same


async def test_same_plan_is_the_same(redis: Any, applied: Plan) -> None:
    found = await compare(redis, applied, NOW)

    assert found.is_same
    assert (found.moves, found.stranded) == ((), ())
    assert found.applied is not None
    assert found.applied.worker == "w1"


async def test_plan_that_is_there_is_not_written_again(redis: Any, applied: Plan) -> None:
    await write_plan(redis, facts(applied), "w2")

    found = await read_plan(redis)
    assert found is not None
    assert found.worker == "w1"


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"facts": 5}', b"null"])
async def test_what_is_no_plan_is_taken_for_none(redis: Any, raw: bytes) -> None:
    await redis.set(keys.PLAN, raw)

    assert await read_plan(redis) is None


async def test_schedule_that_moves_is_told_with_its_stored_tick(
    redis: Any, applied: Plan, plan_of: Callable[..., Plan]
) -> None:
    await redis.hset(keys.schedule("clean"), "last_ms", "1768442400000")

    found = await compare(redis, plan_of(('"0 2 * * *"', '"30 4 * * *"')), NOW)

    two = round(datetime(2026, 1, 16, 2, tzinfo=UTC).timestamp() * 1000)
    half_past_four = two + 150 * 60_000
    assert found.moves == (Move("clean", 1768442400000, two, half_past_four),)


async def test_schedule_that_goes_has_no_next_run(redis: Any, applied: Plan, plan_of: Callable[..., Plan]) -> None:
    found = await compare(redis, plan_of((', cron: "0 2 * * *"', "")), NOW)

    (move,) = found.moves
    assert (move.id, move.last_ms, move.after_ms) == ("clean", None, None)
    assert move.before_ms is not None


async def test_schedule_that_only_catches_up_otherwise_does_not_move(
    redis: Any, applied: Plan, plan_of: Callable[..., Plan]
) -> None:
    found = await compare(redis, plan_of(('cron: "0 2 * * *"', 'cron: "0 2 * * *", catch_up: skip')), NOW)

    assert [one.kind for one in found.difference.changes] == ["schedule"]
    assert found.moves == ()


async def test_waiting_jobs_of_a_type_that_goes_are_counted(
    redis: Any, redis_url: str, applied: Plan, plan_of: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    async with Client(applied, redis_url) as client:
        await client.enqueue_many([NewJob("mail", {"id": n}) for n in range(5)])
        await client.enqueue("mail", id=6, delay="1h")
        await client.enqueue("pay")

    found = await compare(redis, plan_of(("mail: ", "letter: ")), NOW)

    assert found.stranded == (Stranded("type", "mail", 6),)


async def test_long_backlog_is_counted_so_far(
    redis: Any, redis_url: str, applied: Plan, plan_of: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    monkeypatch.setattr(module, "MOST_LOOKED_AT", 4)
    async with Client(applied, redis_url) as client:
        await client.enqueue_many([NewJob("mail", {"id": n}) for n in range(9)])

    found = await compare(redis, plan_of(("mail: ", "letter: ")), NOW)

    assert found.stranded == (Stranded("type", "mail", 4, is_partial=True),)


async def test_waiting_jobs_of_a_queue_that_goes_are_counted(
    redis: Any, redis_url: str, applied: Plan, plan_of: Callable[..., Plan]
) -> None:
    async with Client(applied, redis_url) as client:
        await client.enqueue("pay")

    found = await compare(redis, plan_of(("critical: 6, ", ""), ("queue: critical, ", "")), NOW)

    assert found.stranded == (Stranded("queue", "critical", 1),)
