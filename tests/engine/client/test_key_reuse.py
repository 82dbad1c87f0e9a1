"""A key may be used again once its job has ended. Nothing of the old job may stick to the new one."""

from __future__ import annotations

import json
import time

import pytest
import redis

from jobctl.broker.connect import connect
from jobctl.broker.keys import QueueKeys
from jobctl.broker.upkeep import Upkeep
from jobctl.client import BlockingClient, Enqueued

KEPT_BESIDE = ("crashes", "interruptions", "losses", "replays", "cancels")
INDEXES = ("complete", "dead", "cancelled", "replayed", "expiry")


def end(server: redis.Redis, job: Enqueued, index: str, *, expired: bool) -> None:
    """End a job and leave everything behind that may be kept of one."""
    stored = json.loads(server.get(job.id) or b"{}") | {"status": "failed"}
    now_ms = int(time.time() * 1000)
    server.lrem("saq:low:queued", 0, job.id)
    server.zrem("saq:low:incomplete", job.id)
    server.zadd(f"jobctl:low:{index}", {job.id: now_ms - 5_000})
    server.zadd("jobctl:low:expiry", {job.id: now_ms - 1 if expired else now_ms + 60_000})
    for name in KEPT_BESIDE:
        server.hset(f"jobctl:low:{name}", job.id, 1)
    if expired:
        server.delete(job.id)
    else:
        server.set(job.id, json.dumps(stored), ex=60)


@pytest.mark.parametrize("expired", [False, True], ids=["record kept", "record expired"])
@pytest.mark.parametrize("index", ["complete", "dead", "cancelled", "replayed"])
def test_a_key_used_again_starts_without_a_past(
    blocking: BlockingClient, server: redis.Redis, index: str, expired: bool
) -> None:
    end(server, blocking.enqueue("clean-up", key="nightly"), index, expired=expired)

    job = blocking.enqueue("clean-up", key="nightly")

    assert [name for name in INDEXES if server.zscore(f"jobctl:low:{name}", job.id) is not None] == []
    assert [name for name in KEPT_BESIDE if server.hexists(f"jobctl:low:{name}", job.id)] == []
    assert server.ttl(job.id) == -1
    assert json.loads(server.get(job.id) or b"{}")["status"] == "queued"


@pytest.mark.parametrize("index", ["complete", "dead"])
async def test_a_key_that_a_stock_producer_uses_again_is_not_forgotten_with_the_old_job(
    blocking: BlockingClient, server: redis.Redis, redis_url: str, index: str
) -> None:
    job = blocking.enqueue("clean-up", key="cron:clean_up")
    end(server, job, index, expired=False)
    server.zadd("jobctl:low:expiry", {job.id: 1})
    server.set(job.id, json.dumps({"function": "clean_up", "key": "cron:clean_up", "queue": "low", "status": "queued"}))
    server.zadd("saq:low:incomplete", {job.id: 0})
    server.rpush("saq:low:queued", job.id)
    upkeep_server = connect(redis_url)

    await Upkeep(upkeep_server, [QueueKeys("low")], []).tick()

    await upkeep_server.aclose()
    assert server.exists(job.id)
    assert [name for name in INDEXES if server.zscore(f"jobctl:low:{name}", job.id) is not None] == []
