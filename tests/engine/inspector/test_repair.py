from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from jobctl.broker.keys import job_id
from jobctl.compiler.plan import Plan
from jobctl.errors import JobNotFound, JobStateError, PayloadError, UsageError
from jobctl.inspector import Inspector, audit, parse_filter
from jobctl.inspector.deeds import Deed, Target
from jobctl.inspector.pace import Pace
from jobctl.inspector.revision import Revision
from jobctl.inspector.runs import begin_run, find_run, open_runs
from jobctl.records import JobState

if TYPE_CHECKING:
    from conftest import Shelf

NOW_MS = 1_700_000_000_000
LOCK = "jobctl:unique:sync:briefly:abc"


async def targets(inspector: Inspector, deed: Deed, wanted: str) -> list[Target]:
    return await inspector.repair.select(deed, wanted)


def keys_of(shelf: Shelf) -> dict[bytes, Any]:
    return {key: shelf.server.dump(key) for key in shelf.server.scan_iter() if key != b"jobctl:audit"}


@pytest.mark.parametrize(
    ("deed", "states"),
    [
        (Deed.REPLAY, {"dead"}),
        (Deed.CANCEL, {"active", "queued", "retrying", "scheduled"}),
        (Deed.DELETE, {"dead", "cancelled", "complete"}),
        (Deed.WAIT, {"active", "queued", "retrying", "scheduled"}),
    ],
)
async def test_without_a_state_the_usual_ones_are_meant(
    inspector: Inspector, shelf: Shelf, deed: Deed, states: set[str]
) -> None:
    for put in ("active", "queued", "retrying", "scheduled", "dead", "cancelled", "complete"):
        getattr(shelf, put)()

    assert {target.state for target in await targets(inspector, deed, "type=mail:send")} == states


@pytest.mark.parametrize(
    ("deed", "wanted", "message"),
    [
        (Deed.REPLAY, "state=queued", "jobs that are queued cannot be replayed"),
        (Deed.CANCEL, "state=dead", "jobs that are dead cannot be cancelled"),
        (Deed.DELETE, "state!=dead", "jobs that are active cannot be deleted"),
    ],
)
async def test_states_in_which_it_cannot_be_done_are_refused(
    inspector: Inspector, deed: Deed, wanted: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        await targets(inspector, deed, wanted)


async def test_waiting_jobs_are_cancelled_at_once(inspector: Inspector, shelf: Shelf) -> None:
    jobs = [shelf.queued("low", key=f"q{n}") for n in range(40)]
    shelf.scheduled("low", key="later")
    shelf.retrying("low", key="again", meta={"jobctl": {"unique": LOCK}})
    shelf.server.set(LOCK, job_id("low", "again"))

    found = await targets(inspector, Deed.CANCEL, "key=q1*,later,again")
    done = await inspector.repair.cancel(found, reason="no longer wanted")

    assert {change.key for change in done} == {"q1", *(f"q1{n}" for n in range(10)), "later", "again"}
    assert {(change.what, change.reason) for change in done} == {("cancelled", None)}
    left = [job for job in jobs if not job.startswith("saq:job:low:q1")]
    assert [job.decode() for job in shelf.server.lrange("saq:low:queued", 0, -1)] == left
    assert shelf.server.zcard("saq:low:incomplete") == len(left)
    assert shelf.server.zcard("jobctl:low:retrying") == 0
    assert shelf.server.get(LOCK) is None
    job = await inspector.job("q13")
    assert (job.state, job.error) == (JobState.CANCELLED, "no longer wanted")


async def test_a_cancel_of_very_many_leaves_the_others_in_their_order(inspector: Inspector, shelf: Shelf) -> None:
    kinds = ["mail:send", "other", "mail:send"]
    jobs = [shelf.queued(type=kinds[n % 3]) for n in range(2_400)]

    done = await inspector.repair.cancel(await targets(inspector, Deed.CANCEL, "type=mail:send"))

    assert len(done) == 1_600
    assert [job.decode() for job in shelf.server.lrange("saq:default:queued", 0, -1)] == jobs[1::3]


async def test_a_running_job_is_cancelled_through_its_worker(inspector: Inspector, shelf: Shelf) -> None:
    job = shelf.active(key="runs")
    shelf.server.hset("jobctl:default:owners", job, "worker:1")

    change = await inspector.cancel("runs")

    assert (change.what, change.reason) == ("cancelling", None)
    assert shelf.server.hget("jobctl:default:cancels", job) == b"cancelled by an operator"
    assert shelf.record(job)["status"] == "aborting"


async def test_one_that_has_ended_is_not_cancelled(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="dead")

    with pytest.raises(JobStateError, match="it has ended before"):
        await inspector.cancel("dead")
    with pytest.raises(JobNotFound):
        await inspector.cancel("none")


async def test_what_is_deleted_leaves_nothing(inspector: Inspector, shelf: Shelf) -> None:
    before = keys_of(shelf)
    for put in ("dead", "cancelled", "complete", "queued", "scheduled", "retrying"):
        job = getattr(shelf, put)(key=put)
        shelf.server.zadd("jobctl:default:expiry", {job: NOW_MS})
        for name in ("crashes", "interruptions", "losses", "replays", "poison"):
            shelf.server.hset(f"jobctl:default:{name}", job, "1")
    shelf.server.srem("jobctl:queues", "default")

    found = await inspector.repair.named(["dead", "cancelled", "complete", "queued", "scheduled", "retrying"])
    done = await inspector.repair.delete([each for each in found if isinstance(each, Target)])

    assert {change.what for change in done} == {"deleted"}
    assert keys_of(shelf) == before


async def test_a_running_job_is_not_deleted_nor_stopped(inspector: Inspector, shelf: Shelf) -> None:
    job = shelf.active(key="runs")
    shelf.server.hset("jobctl:default:owners", job, "worker:1")
    before = keys_of(shelf)
    waited = Target(id=job, type="mail:send", state=JobState.QUEUED, at_ms=0)  # when it was found

    with pytest.raises(JobStateError, match="it runs"):
        await inspector.delete("runs")
    (change,) = await inspector.repair.delete([waited])

    assert change.reason == "it runs"
    assert keys_of(shelf) == before


async def test_a_deletion_by_filter_takes_what_matches(inspector: Inspector, shelf: Shelf) -> None:
    for n in range(700):
        shelf.dead(at_ms=NOW_MS - 1_000 * n)
    seen: list[int] = []

    found = await targets(inspector, Deed.DELETE, "state=dead and age>10s")
    await inspector.repair.delete(found, tell=lambda batch: seen.append(len(batch)))

    assert (len(found), seen) == (689, [200, 200, 200, 89])
    assert shelf.server.zcard("jobctl:default:dead") == 11


async def test_a_replay_may_change_the_payload_as_far_as_the_spec_allows(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="old", kwargs={"to": "ada"}, type="mail:send")

    replayed = await inspector.replay("old", revision=Revision(inspector._plan, {"to": "bob"}))

    assert (await inspector.job(str(replayed.key))).payload == {"to": "bob", "password": None}
    assert (await inspector.job("old")).payload == {"to": "ada"}


@pytest.mark.parametrize(
    ("kind", "changes", "error", "message"),
    [
        ("mail:send", {"too": "bob"}, PayloadError, "`too` is not declared"),
        ("foreign", {"to": "bob"}, UsageError, "no spec declares jobs of type `foreign`"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_before_anything_is_done(
    inspector: Inspector, shelf: Shelf, kind: str, changes: dict[str, str], error: type[Exception], message: str
) -> None:
    shelf.dead(key="a", type="mail:send", at_ms=NOW_MS - 1)
    shelf.dead(key="b", type=kind)
    before = keys_of(shelf)

    with pytest.raises(error, match=message):
        await inspector.repair.replay(
            await targets(inspector, Deed.REPLAY, "state=dead"), revision=Revision(inspector._plan, changes)
        )

    assert keys_of(shelf) == before


async def test_a_replay_into_another_queue(inspector: Inspector, shelf: Shelf) -> None:
    origin = shelf.dead("low", key="old")

    replayed = await inspector.replay("old", revision=Revision(None, queue="critical"))

    new = await inspector.job(str(replayed.key))
    assert (replayed.queue, new.queue, new.state, new.origin) == ("critical", "critical", JobState.QUEUED, "old")
    assert shelf.server.lrange("saq:critical:queued", 0, -1) == [job_id("critical", new.key).encode()]
    assert shelf.server.zscore("jobctl:low:replayed", origin) == NOW_MS
    assert shelf.server.sismember("jobctl:queues", "critical")
    with pytest.raises(UsageError, match="no queue `nowhere`"):
        await inspector.replay("old", force=True, revision=Revision(None, queue="nowhere"))


async def test_a_run_is_known_until_it_has_done_its_work(inspector: Inspector, broker: Redis, shelf: Shelf) -> None:
    for n in range(5):
        shelf.dead(at_ms=NOW_MS - n)
    run = await begin_run(broker, "state=dead", queue="low", changes={"to": "bob"}, rate_per_s=50.0)
    found = await inspector.repair.select(Deed.REPLAY, run.wanted, before_ms=run.at_ms)
    known: list[int] = []

    async def look() -> None:
        known.append(len(await open_runs(broker)))

    looks: list[asyncio.Task[None]] = []
    await inspector.repair.replay(
        found, run=run, revision=Revision(None), tell=lambda _: looks.append(asyncio.create_task(look()))
    )
    await asyncio.gather(*looks)

    assert await open_runs(broker) == []
    with pytest.raises(UsageError, match="no replay was interrupted"):
        await find_run(broker, "last")


async def test_an_interrupted_run_is_gone_on_with_and_leaves_alone_what_died_again(
    inspector: Inspector, broker: Redis, shelf: Shelf
) -> None:
    for n in range(250):
        shelf.dead(key=f"job-{n}", at_ms=NOW_MS - n)
    run = await begin_run(broker, "state=dead", queue=None, changes={}, rate_per_s=None)
    told: list[int] = []

    def stop(batch: Any) -> None:
        told.append(len(batch))
        raise asyncio.CancelledError

    found = await inspector.repair.select(Deed.REPLAY, run.wanted, before_ms=run.at_ms)
    with pytest.raises(asyncio.CancelledError):
        await inspector.repair.replay(found, run=run, tell=stop)
    shelf.dead(key="died-since", at_ms=run.at_ms + 1, meta={"jobctl": {"origin": "job-249"}})

    again = await find_run(broker, "last")
    rest = await inspector.repair.select(Deed.REPLAY, again.wanted, before_ms=again.at_ms)
    done = await inspector.repair.replay(rest, run=again)

    assert (told, len(done), again) == ([100], 150, run)
    origins = [json.loads(raw)["meta"]["jobctl"]["origin"] for raw in _queued(shelf)]
    assert sorted(origins) == sorted(f"job-{n}" for n in range(250))
    assert shelf.server.zcard("jobctl:default:dead") == 1
    assert await open_runs(broker) == []


async def test_a_batch_under_way_when_it_is_interrupted_is_told(inspector: Inspector, shelf: Shelf) -> None:
    for n in range(300):
        shelf.dead(at_ms=NOW_MS - n)
    found = await targets(inspector, Deed.REPLAY, "state=dead")
    done: list[Any] = []

    def tell(batch: Any) -> None:
        done.extend(batch)
        task.cancel()

    task = asyncio.create_task(inspector.repair.replay(found, tell=tell))  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(done) == shelf.server.llen("saq:default:queued") < 300
    (entry,) = await audit.read(inspector._redis)
    assert entry.count == len(done)


async def test_every_deed_is_noted_with_what_chose_the_jobs_and_how_many(
    inspector: Inspector, broker: Redis, shelf: Shelf
) -> None:
    wanted = parse_filter("state=dead and queue=low")
    for n in range(3):
        shelf.dead("low", key=f"dead-{n}")
    shelf.queued(key="waits")
    run = await begin_run(broker, str(wanted), queue=None, changes={}, rate_per_s=50)

    await inspector.cancel("waits", reason="why not")
    await inspector.replay("dead-0")
    found = await inspector.repair.select(Deed.REPLAY, wanted)
    await inspector.repair.replay(found[:1], run=run, rate_per_s=50)
    await inspector.repair.delete(await inspector.repair.select(Deed.DELETE, wanted), wanted=wanted)
    with pytest.raises(JobStateError):
        await inspector.replay("dead-0")

    entries = [(each.action, each.target, each.count) for each in reversed(await audit.read(broker))]
    assert entries == [
        ("job.cancel", "waits", 1),
        ("job.replay", "dead-0", 1),
        ("job.replay", "state=dead and queue=low", 1),
        ("job.delete", "state=dead and queue=low", 1),
    ]
    replay = (await audit.read(broker, action="job.replay"))[0]
    assert replay.detail == {"rate_per_s": 50, "run": run.id}


async def test_a_pace_is_kept_and_lost_time_is_not_made_up_for() -> None:
    at = 100.0
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal at
        waits.append(round(seconds, 3))
        at += seconds

    pace = Pace(50.0, 100, now=lambda: at, sleep=sleep)
    for _ in range(4):
        await pace.turn(pace.batch)
    at += 10
    await pace.turn(pace.batch)
    await pace.turn(pace.batch)
    await pace.turn(pace.batch)

    assert pace.batch == 5
    assert waits == [0.1, 0.1, 0.1, 0.1]
    assert Pace(None, 100).batch == 100
    assert Pace(0.5, 100).batch == 1


async def test_jobs_are_found_by_name_and_the_others_told(inspector: Inspector, shelf: Shelf, plan: Plan) -> None:
    shelf.dead(key="there")

    found = await inspector.repair.named(["there", "nope", "there"])

    assert [type(each).__name__ for each in found] == ["Target", "JobNotFound"]


def _queued(shelf: Shelf) -> list[bytes]:
    return [shelf.server.get(job) or b"" for job in shelf.server.lrange("saq:default:queued", 0, -1)]
