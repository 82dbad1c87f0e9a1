"""Both clients against a real server. They share their logic; what they store and answer must not differ."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from jobctl.client import BlockingClient, Client, Enqueued, NewJob
from jobctl.compiler.plan import Plan
from jobctl.errors import BrokerUnreachable, DuplicateJob, PayloadError, UnknownJob, UsageError

Call = Callable[..., Awaitable[Any]]


@pytest.fixture(params=["asyncio", "blocking"])
async def enqueue(request: pytest.FixtureRequest, client: Client, blocking: BlockingClient) -> Call:
    """The `enqueue` of either client, to be awaited."""
    if request.param == "asyncio":
        return client.enqueue

    async def call(*args: Any, **options: Any) -> Enqueued:
        return blocking.enqueue(*args, **options)

    return call


@pytest.fixture(params=["asyncio", "blocking"])
async def enqueue_many(request: pytest.FixtureRequest, client: Client, blocking: BlockingClient) -> Call:
    """The `enqueue_many` of either client, to be awaited."""
    if request.param == "asyncio":
        return client.enqueue_many

    async def call(jobs: Any) -> list[Enqueued | DuplicateJob]:
        return blocking.enqueue_many(jobs)

    return call


def record(server: redis.Redis, job: Enqueued) -> dict[str, Any]:
    raw = server.get(job.id)
    assert raw is not None
    return json.loads(raw)


async def test_a_job_is_stored_as_saq_stores_it_and_queued(enqueue: Call, server: redis.Redis) -> None:
    job = await enqueue("mail-send", {"to": "a@example.org"})

    stored = record(server, job)
    assert (stored["function"], stored["kwargs"]) == ("mail:send", {"to": "a@example.org"})
    assert (stored["status"], stored["queue"], stored["key"]) == ("queued", "default", job.key)
    assert abs(stored["queued"] - time.time() * 1000) < 60_000
    assert server.lrange("saq:default:queued", 0, -1) == [job.id.encode()]
    assert server.zscore("saq:default:incomplete", job.id) == 0
    assert server.smembers("jobctl:queues") == {b"default"}
    assert job.due_ms == 0


async def test_payload_fields_may_be_keywords_and_win_over_the_mapping(enqueue: Call, server: redis.Redis) -> None:
    job = await enqueue("mail-send", {"to": "old@example.org"}, to="new@example.org")

    assert record(server, job)["kwargs"] == {"to": "new@example.org"}


async def test_a_delayed_job_waits_for_its_time(enqueue: Call, server: redis.Redis) -> None:
    job = await enqueue("clean-up", delay="5m")

    due_s = server.zscore("saq:low:incomplete", job.id)
    assert due_s is not None
    assert abs(due_s - time.time() - 300) < 60
    assert abs(job.due_ms / 1000 - due_s) < 60
    assert server.llen("saq:low:queued") == 0


async def test_a_job_for_a_time_waits_for_exactly_that(enqueue: Call, server: redis.Redis) -> None:
    at = datetime(2100, 1, 1, 12, 30, 15, 250_000, tzinfo=UTC)

    job = await enqueue("clean-up", at=at)

    assert server.zscore("saq:low:incomplete", job.id) == at.timestamp()
    assert job.due_ms == at.timestamp() * 1000


async def test_a_time_in_the_past_means_now(enqueue: Call, server: redis.Redis) -> None:
    job = await enqueue("clean-up", at=datetime(2001, 1, 1, tzinfo=UTC))

    assert job.due_ms == 0
    assert server.lrange("saq:low:queued", 0, -1) == [job.id.encode()]


async def test_a_key_in_use_is_refused_and_named(enqueue: Call, server: redis.Redis) -> None:
    await enqueue("clean-up", key="tonight")

    with pytest.raises(DuplicateJob) as caught:
        await enqueue("clean-up", key="tonight")

    assert caught.value.holder == "tonight"
    assert server.llen("saq:low:queued") == 1


async def test_a_unique_lock_names_its_holder(enqueue: Call, server: redis.Redis) -> None:
    first = await enqueue("sync-tenant", id=7)
    await enqueue("sync-tenant", id=8)

    with pytest.raises(DuplicateJob) as caught:
        await enqueue("sync-tenant", id=7)

    assert caught.value.holder == first.key
    assert server.llen("saq:default:queued") == 2


async def test_a_unique_lock_can_be_passed_by(enqueue: Call) -> None:
    await enqueue("sync-tenant", id=7)

    assert await enqueue("sync-tenant", id=7, unique=False)


async def test_nothing_is_stored_of_a_job_that_is_refused(enqueue: Call, server: redis.Redis) -> None:
    for error, job, options in (
        (UnknownJob, "nothing-such", {}),
        (PayloadError, "mail-send", {}),
        (UsageError, "clean-up", {"queue": "nowhere"}),
        (UsageError, "clean-up", {"delay": "5m", "at": datetime.now(UTC)}),
        (UsageError, "clean-up", {"at": datetime(2030, 1, 1)}),
    ):
        with pytest.raises(error):
            await enqueue(job, **options)

    assert server.dbsize() == 0


async def test_many_jobs_take_one_round_trip_a_batch(enqueue_many: Call, server: redis.Redis) -> None:
    await enqueue_many([NewJob("clean-up")])  # the script is known to the server now
    before = _calls(server, "evalsha")

    answers = await enqueue_many(NewJob("clean-up") for _ in range(1_200))

    assert _calls(server, "evalsha") - before == 3
    assert len({answer.key for answer in answers}) == 1_200
    assert server.llen("saq:low:queued") == 1_201


async def test_duplicates_among_many_stand_in_the_place_of_their_job(enqueue_many: Call) -> None:
    answers = await enqueue_many([NewJob("clean-up", key=key) for key in ("a", "b", "a")])

    assert [type(answer) for answer in answers] == [Enqueued, Enqueued, DuplicateJob]
    assert answers[2].holder == "a"


async def test_a_batch_may_mix_queues_and_times(enqueue_many: Call, server: redis.Redis) -> None:
    await enqueue_many(
        [
            NewJob("clean-up"),
            NewJob("mail-send", {"to": "a@example.org"}),
            NewJob("clean-up", delay=60, queue="critical"),
        ]
    )

    assert [server.llen(f"saq:{queue}:queued") for queue in ("critical", "default", "low")] == [0, 1, 1]
    assert server.zcard("saq:critical:incomplete") == 1


async def test_a_stream_yields_each_batch_when_it_is_stored(client: Client, server: redis.Redis) -> None:
    stored = []

    async for batch in client.enqueue_stream(NewJob("clean-up") for _ in range(700)):
        stored.append((len(batch), server.llen("saq:low:queued")))

    assert stored == [(500, 500), (200, 700)]


def test_a_blocking_stream_yields_each_batch_when_it_is_stored(blocking: BlockingClient, server: redis.Redis) -> None:
    stored = [
        (len(batch), server.llen("saq:low:queued"))
        for batch in blocking.enqueue_stream(NewJob("clean-up") for _ in range(700))
    ]

    assert stored == [(500, 500), (200, 700)]


async def test_a_bad_job_stops_a_stream_before_its_batch_is_sent(client: Client, server: redis.Redis) -> None:
    def jobs() -> Iterator[NewJob]:
        for n in range(600):
            yield NewJob("clean-up") if n < 599 else NewJob("nothing-such")

    with pytest.raises(UnknownJob):
        await client.enqueue_many(jobs())

    assert server.llen("saq:low:queued") == 500


async def test_many_tasks_share_a_few_connections(client: Client, server: redis.Redis) -> None:
    before = len(server.client_list())

    await asyncio.gather(*(client.enqueue("clean-up") for _ in range(100)))

    assert server.llen("saq:low:queued") == 100
    assert len(server.client_list()) - before <= 8


@pytest.fixture
async def given_redis(redis_url: str) -> AsyncIterator[Any]:
    client = redis.asyncio.Redis.from_url(redis_url)
    yield client
    await client.aclose()


async def test_a_client_of_ones_own_is_used_and_left_open(plan: Plan, given_redis: Any) -> None:
    async with Client(plan, redis=given_redis) as client:
        await client.enqueue("clean-up")

    assert await given_redis.llen("saq:low:queued") == 1


def test_a_blocking_client_of_ones_own_is_used_and_left_open(plan: Plan, server: redis.Redis) -> None:
    with BlockingClient(plan, redis=server) as client:
        client.enqueue("clean-up")

    assert server.llen("saq:low:queued") == 1


def test_a_client_that_decodes_answers_is_refused(plan: Plan, redis_url: str) -> None:
    with pytest.raises(UsageError, match="decodes its answers"):
        BlockingClient(plan, redis=redis.Redis.from_url(redis_url, decode_responses=True))
    with pytest.raises(UsageError, match="decodes its answers"):
        Client(plan, redis=redis.asyncio.Redis.from_url(redis_url, decode_responses=True))


@pytest.mark.parametrize("kind", [Client, BlockingClient])
def test_a_client_needs_exactly_one_way_to_the_broker(kind: Any, plan: Plan, redis_url: str) -> None:
    with pytest.raises(UsageError, match="needs a url or a redis client"):
        kind(plan)


async def test_without_a_broker_the_error_names_the_address_and_not_the_password(plan: Plan, tmp_path: Path) -> None:
    url = f"unix://:hunter2@{tmp_path}/nobody.sock"

    with pytest.raises(BrokerUnreachable) as caught, BlockingClient(plan, url) as blocking:
        blocking.enqueue("clean-up")
    async with Client(plan, url) as client:
        with pytest.raises(BrokerUnreachable):
            await client.enqueue("clean-up")

    assert "nobody.sock" in caught.value.message
    assert "hunter2" not in caught.value.message
    assert caught.value.exit_code == 4


def _calls(server: redis.Redis, command: str) -> int:
    return server.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]
