from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from jobctl.broker.connect import connect
from jobctl.errors import BrokerError, BrokerUnreachable, JobNotFound, UsageError
from jobctl.inspector import Inspector
from jobctl.records import JobState

if TYPE_CHECKING:
    from conftest import Shelf

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize("name", ["nightly", "low:nightly", "saq:job:low:nightly"])
async def test_a_job_is_found_by_key_by_queue_and_by_id(inspector: Inspector, shelf: Shelf, name: str) -> None:
    shelf.queued("low", key="nightly")

    job = await inspector.job(name)

    assert (job.queue, job.key, job.state) == ("low", "nightly", JobState.QUEUED)


async def test_a_key_with_colons_is_found(inspector: Inspector, shelf: Shelf) -> None:
    shelf.queued("low", key="cron:clean_up")

    assert (await inspector.job("cron:clean_up")).queue == "low"
    assert (await inspector.job("low:cron:clean_up")).key == "cron:clean_up"


async def test_a_job_in_a_queue_nobody_declared_is_found_by_its_queue(inspector: Inspector, shelf: Shelf) -> None:
    shelf.queued("legacy", key="nightly")
    shelf.server.srem("jobctl:queues", "legacy")

    assert (await inspector.job("legacy:nightly")).queue == "legacy"
    with pytest.raises(JobNotFound):
        await inspector.job("nightly")


async def test_an_unknown_key_is_told_with_a_hint(inspector: Inspector) -> None:
    with pytest.raises(JobNotFound, match="holds no job `nightly`") as caught:
        await inspector.job("nightly")

    assert caught.value.hint is not None
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("name", ["", " ", "a b", "saq:job:", "saq:job::", ":", "é", "x" * 10_000, "*"])
async def test_no_name_is_too_odd_to_be_looked_for(inspector: Inspector, name: str) -> None:
    with pytest.raises(JobNotFound):
        await inspector.job(name)


async def test_a_key_in_two_queues_must_be_told_apart(inspector: Inspector, shelf: Shelf) -> None:
    shelf.queued("low", key="nightly")
    shelf.dead("critical", key="nightly")

    with pytest.raises(UsageError, match="is the key of 2 jobs"):
        await inspector.job("nightly")
    assert (await inspector.job("critical:nightly")).state is JobState.DEAD


async def test_a_job_shows_its_whole_history_in_order(inspector: Inspector, shelf: Shelf) -> None:
    attempts = [{"attempt": n, "outcome": "retry", "at_ms": NOW_MS + 10 * n, "error": f"no {n}"} for n in (1, 2)]
    job = shelf.retrying(key="nightly", attempts=2, meta={"jobctl": {"history": attempts, "origin": "first"}})
    lost = [{"outcome": "lost", "at_ms": NOW_MS + 15, "worker": "w1"}, {"outcome": "interrupted", "at_ms": NOW_MS + 25}]
    shelf.server.hset("jobctl:default:losses", job, ",".join(map(json.dumps, lost)))
    shelf.server.hset("jobctl:default:crashes", job, 1)
    shelf.server.hset("jobctl:default:interruptions", job, 1)
    shelf.server.hset("jobctl:default:replays", job, "second third")

    found = await inspector.job("nightly")

    assert [(each.outcome, each.attempt) for each in found.history] == [
        ("retry", 1), ("lost", 0), ("retry", 2), ("interrupted", 0),
    ]  # fmt: skip
    assert (found.crashes, found.interruptions, found.deliveries) == (1, 1, 4)
    assert (found.origin, found.replays) == ("first", ("second", "third"))
    assert (found.state, found.due_ms) == (JobState.RETRYING, NOW_MS + 60_000)


async def test_what_a_worker_moved_aside_can_be_looked_at(inspector: Inspector, shelf: Shelf) -> None:
    shelf.queued("low", key="other")
    shelf.server.hset("jobctl:low:poison", "saq:job:low:nightly", b"\x80garbage")

    job = await inspector.job("nightly")

    assert job.state is JobState.DEAD
    assert "it was no job record" in str(job.error)
    assert "garbage" in str(job.error)


async def test_a_record_that_cannot_be_read_can_be_looked_at(inspector: Inspector, shelf: Shelf) -> None:
    shelf.server.set(shelf.queued(key="nightly"), b"[1, 2")

    job = await inspector.job("nightly")

    assert (job.state, job.key) == (JobState.QUEUED, "nightly")
    assert "[1, 2" in str(job.error)


async def test_a_job_is_found_in_two_round_trips_whatever_the_number_of_queues(
    inspector: Inspector, shelf: Shelf
) -> None:
    for n in range(30):
        shelf.queued(f"queue-{n}")
    shelf.queued("queue-7", key="nightly")
    before = shelf.server.info("commandstats")["cmdstat_mget"]["calls"] if shelf.server.mget("x") else 0

    await inspector.job("nightly")

    assert shelf.server.info("commandstats")["cmdstat_mget"]["calls"] - before == 1


async def test_without_a_broker_every_question_says_so(tmp_path: Path) -> None:
    inspector = Inspector(connect(f"unix://{tmp_path}/nobody.sock"))

    for question in (inspector.queues(), inspector.jobs(), inspector.job("x"), inspector.overview()):
        with pytest.raises(BrokerUnreachable):
            await question


async def test_a_key_of_another_kind_is_the_brokers_error(inspector: Inspector, shelf: Shelf) -> None:
    shelf.server.set("saq:default:queued", "not a list")

    with pytest.raises(BrokerError, match="refused"):
        await inspector.jobs()


def test_a_client_that_decodes_answers_is_refused(redis_url: str) -> None:
    with pytest.raises(UsageError, match="decodes its answers"):
        Inspector(Redis.from_url(redis_url, decode_responses=True))
