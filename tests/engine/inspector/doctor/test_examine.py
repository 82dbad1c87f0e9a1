"""The doctor on real servers, each broken in the way that a check looks for."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from redis.asyncio import Redis

from jobctl.broker import keys, permissions
from jobctl.broker.connect import connect
from jobctl.broker.keys import QueueKeys
from jobctl.broker.scripts import source
from jobctl.clock import FakeClock, SystemClock
from jobctl.inspector import Inspector
from jobctl.inspector.doctor import eviction, version
from jobctl.inspector.doctor.case import open_case
from jobctl.inspector.doctor.examine import CHECKS, examine
from jobctl.inspector.doctor.finding import Finding, Severity
from jobctl.testing.servers import PrivateServer


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PrivateServer]:
    """A server that a test may spoil."""
    with PrivateServer(tmp_path / "server") as server:
        yield server


@pytest.fixture
def root(private: PrivateServer) -> Iterator[redis_py.Redis]:
    """May do anything there."""
    with redis_py.Redis.from_url(private.url) as client:
        yield client


@pytest.fixture
async def spoiled(private: PrivateServer) -> AsyncIterator[Redis]:
    """What the doctor looks at it with."""
    async with connect(private.url) as client:
        yield client


@pytest.fixture
def worker(root: redis_py.Redis) -> Any:
    """Leave a worker's report on the private server."""

    def leave(worker_id: str = "w1", **facts: Any) -> None:
        now_ms = int(time.time() * 1000)
        body = {"id": worker_id, "host": "web-1", "pid": 1, "seen_ms": now_ms, "queues": {"default": 1}} | facts
        root.set(keys.worker(worker_id), json.dumps(body))
        root.zadd(keys.WORKERS, {worker_id: now_ms + 20_000})

    return leave


def enqueue(root: redis_py.Redis, kind: str = "mail:send", queue: str = "default") -> str:
    job = keys.job_id(queue, f"j{root.incr('number')}")
    root.set(job, json.dumps({"function": kind, "queue": queue, "key": job.rpartition(":")[2], "status": "queued"}))
    root.rpush(QueueKeys(queue).queued, job)
    root.sadd(keys.QUEUES, queue)
    return job


async def found(redis: Redis, **options: Any) -> dict[str, Finding]:
    """Return the findings by code; every check must have been made."""
    report = await examine(redis, **options)
    assert not report.unknown
    return {finding.code: finding for finding in report.findings}


async def test_sound_broker_is_sound(spoiled: Redis) -> None:
    report = await examine(spoiled)

    assert report.findings == ()
    assert report.sound == CHECKS
    assert report.is_sound
    assert report.broker.split()[0] in ("Valkey", "Redis")


async def test_embedded_broker_is_a_note_only(spoiled: Redis) -> None:
    report = await examine(spoiled, is_embedded=True)

    assert [finding.severity for finding in report.findings] == [Severity.NOTE]
    assert report.is_sound


async def test_eviction_policy(spoiled: Redis, root: redis_py.Redis) -> None:
    root.config_set("maxmemory-policy", "allkeys-lru")

    finding = (await found(spoiled))["eviction.policy"]

    assert finding.severity is Severity.ERROR
    assert "CONFIG SET maxmemory-policy noeviction" in finding.remedy


async def test_evicted_keys(spoiled: Redis, root: redis_py.Redis) -> None:
    root.config_set("maxmemory-policy", "allkeys-random")
    for number in range(50):
        root.set(f"k{number}", "x" * 100_000)
    root.config_set("maxmemory", root.info("memory")["used_memory"] - 1_000_000)
    root.get("k1")

    case = await open_case(spoiled, None, is_embedded=False, clock=SystemClock())

    assert {finding.code for finding in await eviction.check(case)} == {"eviction.policy", "eviction.evicted"}


async def test_no_persistence_and_snapshots_only(spoiled: Redis, root: redis_py.Redis) -> None:
    root.config_set("appendonly", "no")
    assert (await found(spoiled))["persistence.none"].severity is Severity.ERROR

    root.config_set("save", "3600 1")
    assert (await found(spoiled))["persistence.snapshots"].severity is Severity.WARNING


async def test_snapshot_that_cannot_be_written(spoiled: Redis, root: redis_py.Redis, private: PrivateServer) -> None:
    (private.folder / "dump.rdb").mkdir()  # in the place of the file
    (private.folder / "dump.rdb/full").touch()
    with pytest.raises(redis_py.ResponseError):
        root.save()
    root.bgsave()
    deadline = time.monotonic() + 10
    while root.info("persistence")["rdb_last_bgsave_status"] == "ok":
        assert time.monotonic() < deadline

    assert (await found(spoiled))["persistence.failing"].severity is Severity.ERROR


async def test_memory_that_runs_out(spoiled: Redis, root: redis_py.Redis) -> None:
    root.setrange("large", 50_000_000, "x")  # beside which what a connection takes is nothing
    used = root.info("memory")["used_memory"]
    root.config_set("maxmemory", int(used * 1.25))
    assert (await found(spoiled))["memory.tight"].severity is Severity.WARNING

    root.config_set("maxmemory", int(used * 1.02))
    assert (await found(spoiled))["memory.full"].severity is Severity.ERROR


async def test_connections_that_run_out(spoiled: Redis, root: redis_py.Redis) -> None:
    root.config_set("maxclients", 3)

    assert "connections.many" in await found(spoiled)


async def test_replica(spoiled: Redis, root: redis_py.Redis) -> None:
    root.replicaof("127.0.0.1", "1")

    case = await open_case(spoiled, None, is_embedded=False, clock=SystemClock())

    (finding,) = await version.check(case)
    assert finding.code == "version.replica"
    assert "127.0.0.1:1" in finding.remedy


async def test_old_server(spoiled: Redis) -> None:
    case = await open_case(spoiled, None, is_embedded=False, clock=SystemClock())
    object.__setattr__(case, "info", {"redis_version": "6.2.14", "redis_mode": "cluster"})

    assert [finding.code for finding in await version.check(case)] == ["version.old", "version.cluster"]


def user(private: PrivateServer, root: redis_py.Redis, *rules: str) -> str:
    root.execute_command("ACL", "SETUSER", "app", "on", ">pw", *rules)
    return private.url.replace("redis://", "redis://app:pw@")


async def test_user_without_a_command(private: PrivateServer, root: redis_py.Redis) -> None:
    async with connect(user(private, root, "~*", "&*", "+@all", "-zadd", "-blmove")) as redis:
        finding = (await found(redis))["permissions.refused"]

    assert finding.facts["commands"] == ["BLMOVE", "ZADD"]
    assert finding.facts["namespaces"] == ["jobctl:*", "saq:*"]


async def test_check_that_is_refused_does_not_stop_the_others(private: PrivateServer, root: redis_py.Redis) -> None:
    enqueue(root)
    root.lmove(QueueKeys("default").queued, QueueKeys("default").active)

    async with connect(user(private, root, "~*", "&*", "+@all", "-zmscore")) as redis:
        report = await examine(redis)

    assert list(report.unknown) == ["leases"]
    assert "ZMSCORE" in report.unknown["leases"].upper()
    assert [finding.code for finding in report.findings] == ["permissions.refused"]
    assert "schedules" in report.sound


async def test_user_who_may_see_only_saqs_keys(private: PrivateServer, root: redis_py.Redis) -> None:
    async with connect(user(private, root, "~saq:*", "&*", "+@all")) as redis:
        report = await examine(redis)

    assert [finding.code for finding in report.findings] == ["permissions.refused"]
    assert report.findings[0].facts["namespaces"] == ["jobctl:*"]


async def test_user_without_channels(private: PrivateServer, root: redis_py.Redis) -> None:
    async with connect(user(private, root, "~*", "resetchannels", "+@all")) as redis:
        assert {"PUBLISH", "SUBSCRIBE"} <= set((await found(redis))["permissions.refused"].facts["commands"])


async def test_user_without_scripts(private: PrivateServer, root: redis_py.Redis) -> None:
    async with connect(user(private, root, "~*", "&*", "+@all", "-eval")) as redis:
        assert {"scripting.refused", "permissions.refused"} <= set(await found(redis))


async def test_rules_that_are_advised_are_enough_and_the_trial_leaves_nothing(
    private: PrivateServer, root: redis_py.Redis
) -> None:
    async with connect(user(private, root, *permissions.RULES.split())) as redis:
        report = await examine(redis)

    assert report.findings == ()
    assert root.keys("*doctor*") == []


def test_every_command_of_the_scripts_is_tried() -> None:
    folder = Path(permissions.__file__).parent / "scripts"
    harness = {"step"}  # of the tests' stepped clock
    used = {
        word
        for path in folder.glob("*.lua")
        if path.stem not in harness
        for word in re.findall(r"call\('([A-Z]+)'", source(path.stem))
    }

    assert used <= {words[0] for words in permissions.TRIES}


async def test_clock_of_a_worker(spoiled: Redis, worker: Any) -> None:
    worker(skew_ms=-90_000)

    finding = (await found(spoiled))["clocks.skew"]

    assert finding.facts["skew_ms"] == -90_000
    assert "web-1" in finding.summary
    assert "1m30s behind the broker's" in finding.summary


async def test_clock_of_this_machine(spoiled: Redis) -> None:
    finding = (await found(spoiled, clock=FakeClock(time.time() + 3600)))["clocks.skew"]

    assert finding.facts["where"] == "this machine"
    assert abs(finding.facts["skew_ms"] - 3_600_000) < 5_000


async def test_job_whose_lease_ended_long_ago(spoiled: Redis, root: redis_py.Redis) -> None:
    of, job = QueueKeys("default"), enqueue(root)
    root.lmove(of.queued, of.active)
    root.zadd(of.leases, {job: (time.time() - 60) * 1000})

    finding = (await found(spoiled))["leases.lost"]

    assert finding.facts["keys"] == ["j1"]


async def test_active_job_without_a_lease(spoiled: Redis, root: redis_py.Redis) -> None:
    of, job = QueueKeys("default"), enqueue(root)
    started = int((time.time() - 300) * 1000)
    record = {"function": "mail", "queue": "default", "key": "j1", "status": "active", "started": started}
    root.set(job, json.dumps(record | {"worker_id": "stock"}))
    root.lmove(of.queued, of.active)
    assert "leases.lost" in await found(spoiled)

    root.set(of.worker_info("stock"), "{}")  # a stock SAQ worker has no leases, and reports itself

    assert await found(spoiled) == {}


async def test_run_past_its_timeout(spoiled: Redis, worker: Any) -> None:
    worker(running=[{"key": "j1", "queue": "default", "ran_ms": 90_000, "overdue": True}])

    assert "`j1`" in (await found(spoiled))["leases.overdue"].summary


async def test_nobody_serves_a_queue(spoiled: Redis, root: redis_py.Redis, worker: Any) -> None:
    enqueue(root, queue="low")
    assert (await found(spoiled))["serving.nobody"].remedy == "jobctl run"

    worker()

    assert (await found(spoiled))["serving.nobody"].remedy == "jobctl run --queues low"


async def test_paused_and_quiet(spoiled: Redis, root: redis_py.Redis, worker: Any) -> None:
    enqueue(root)
    worker(state="quiet")
    assert (await found(spoiled))["serving.quiet"].remedy == "jobctl workers resume w1"

    await Inspector(spoiled).pause("default")

    assert (await found(spoiled))["serving.paused"].remedy == "jobctl queues resume default"


async def test_type_that_no_worker_knows(spoiled: Redis, root: redis_py.Redis, worker: Any) -> None:
    for kind in ("mail:send", "old:name", "old:name"):
        enqueue(root, kind)
    worker(types=["mail:send"])

    finding = (await found(spoiled))["serving.type"]

    assert (finding.facts["type"], finding.facts["count"], finding.facts["sample"]) == ("old:name", 2, 3)


async def test_queue_most_of_whose_attempts_fail(spoiled: Redis, root: redis_py.Redis) -> None:
    root.sadd(keys.QUEUES, "default", "low")
    bucket = int(root.time()[0]) // 10 - 3
    root.hset(QueueKeys("default").rate(bucket), mapping={"failed": 30, "complete": 5})
    root.hset(QueueKeys("low").rate(bucket), mapping={"failed": 30, "complete": 300})

    finding = (await found(spoiled))["failing.queue"]

    assert (finding.facts["queue"], finding.facts["failed"], finding.facts["complete"]) == ("default", 30, 5)


async def test_overdue_and_orphaned_schedules(spoiled: Redis, root: redis_py.Redis) -> None:
    body = {
        "job": "mail-send", "type": "mail:send", "queue": "default", "expression": "@every 1m", "timezone": "UTC",
        "catch_up": "skip", "overlap": "skip", "jitter_s": 0, "start_ms": None, "end_ms": None,
    }  # fmt: skip
    now_ms = int(time.time() * 1000)
    for name, last_ms in (("late", now_ms - 600_000), ("left", now_ms)):
        root.hset(keys.schedule(name), mapping={"definition": json.dumps(body), "last_ms": last_ms})
        root.zadd(keys.SCHEDULES, {name: now_ms - 120_000})

    findings = await found(spoiled)

    assert findings["schedules.overdue"].facts["schedule"] == "late"
    assert findings["schedules.orphaned"].facts["schedule"] == "left"


async def test_workers_that_differ(spoiled: Redis, worker: Any) -> None:
    worker("w1", version="1.0", fingerprint="aaaa")
    worker("w2", version="1.1", fingerprint="bbbb")

    report = await examine(spoiled)

    assert {finding.code for finding in report.findings} == {"fleet.versions", "fleet.specs"}
    assert report.is_sound


async def test_poison_and_as_many_dead_as_are_kept(spoiled: Redis, root: redis_py.Redis) -> None:
    root.sadd(keys.QUEUES, "default")
    root.hset(QueueKeys("default").poison, "saq:job:default:x", "")
    root.zadd(QueueKeys("default").dead, {str(number): number for number in range(9_500)})

    assert {"queues.poison", "queues.dead"} == set(await found(spoiled))


async def test_unreachable_broker_is_a_finding(private: PrivateServer) -> None:
    private.kill()
    async with connect(private.url, retry=None) as redis:
        report = await examine(redis)

    assert [finding.code for finding in report.findings] == ["broker.unreachable"]
    assert private.url in report.findings[0].summary
    assert not report.is_sound
