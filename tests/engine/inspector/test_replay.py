from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from jobctl.broker.keys import job_id
from jobctl.compiler.plan import Plan
from jobctl.errors import DuplicateJob, JobNotFound, JobStateError, UsageError
from jobctl.inspector import Inspector, JobFilter, Replayed, where
from jobctl.inspector.deeds import Deed
from jobctl.inspector.replay import RUN_FIELDS, renew, send
from jobctl.records import JobState

if TYPE_CHECKING:
    from conftest import Shelf

NOW_MS = 1_700_000_000_000
LOCK = "jobctl:unique:sync:briefly:abc"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


async def replay_all(inspector: Inspector, wanted: JobFilter | None = None) -> list[Replayed]:
    return await inspector.repair.replay(await inspector.repair.select(Deed.REPLAY, wanted))


async def would_replay(inspector: Inspector) -> list[Replayed]:
    return await inspector.repair.rehearse_replay(await inspector.repair.select(Deed.REPLAY, None))


@given(payload=st.dictionaries(st.text(), JSON, max_size=4), meta=st.dictionaries(st.text(), JSON, max_size=3))
def test_a_renewal_keeps_payload_options_and_what_it_does_not_know(payload: Any, meta: Any) -> None:
    meta.pop("jobctl", None)
    options = {"function": "mail:send", "timeout": 12.5, "retries": 4, "ttl": 60, "heartbeat": 7, "group_key": "g"}
    run = dict.fromkeys(RUN_FIELDS, 5)
    facts = {"history": [{"attempt": 1}], "replays": ["x"], "nonce": "n", "origin": "older", "schedule": {"id": "s"}}
    stored = options | run | {"kwargs": payload, "status": "failed", "key": "old", "meta": {**meta, "jobctl": facts}}

    renewal = renew("saq:job:low:old", json.dumps(stored).encode())

    record = json.loads(renewal.record)
    assert record == options | {
        "kwargs": payload,
        "status": "queued",
        "key": renewal.key,
        "queue": "low",
        "meta": {**meta, "jobctl": {"schedule": {"id": "s"}, "origin": "old"}},
    }
    assert renewal.id == job_id("low", renewal.key)


def test_a_renewal_keeps_numbers_that_only_python_writes() -> None:
    raw = b'{"function":"f","kwargs":{"big":123456789012345678901234567890,"none":NaN}}'

    record = renew("saq:job:low:old", raw).record

    assert b"123456789012345678901234567890" in record
    assert b"NaN" in record


def test_a_lock_lasts_as_long_as_the_plan_says(plan: Plan) -> None:
    raw = json.dumps({"function": "sync:briefly", "meta": {"jobctl": {"unique": LOCK}}}).encode()

    assert (renew("saq:job:low:old", raw, plan).lock, renew("saq:job:low:old", raw, plan).lock_ms) == (LOCK, 60_000)
    assert renew("saq:job:low:old", raw).lock_ms == 0


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b"null"])
def test_what_is_no_record_cannot_be_renewed(raw: bytes) -> None:
    with pytest.raises(JobStateError, match="cannot be read"):
        renew("saq:job:low:old", raw)


async def test_a_dead_job_runs_again_as_a_new_one_that_names_it(inspector: Inspector, shelf: Shelf) -> None:
    origin = shelf.dead("low", key="nightly", kwargs={"to": "a@example.org"}, error="boom", result=1)
    before = shelf.record(origin)

    replayed = await inspector.replay("nightly")

    assert (replayed.origin, replayed.queue, replayed.type, replayed.reason) == ("nightly", "low", "mail:send", None)
    assert replayed.key is not None
    new = await inspector.job(replayed.key)
    assert (new.state, new.payload, new.attempts, new.origin) == (
        JobState.QUEUED,
        {"to": "a@example.org"},
        0,
        "nightly",
    )
    assert (new.error, new.result, new.history, new.started_ms, new.completed_ms) == (None, None, (), 0, 0)
    assert new.enqueued_ms > 0
    assert shelf.server.lrange("saq:low:queued", 0, -1) == [job_id("low", replayed.key).encode()]
    assert shelf.server.zscore("saq:low:incomplete", job_id("low", replayed.key)) == 0
    assert shelf.record(origin) == before


async def test_a_replayed_job_is_no_longer_among_the_dead(inspector: Inspector, shelf: Shelf) -> None:
    origin = shelf.dead("low", key="nightly", at_ms=NOW_MS - 5)

    replayed = await inspector.replay("nightly")

    assert shelf.server.zcard("jobctl:low:dead") == 0
    assert shelf.server.zscore("jobctl:low:replayed", origin) == NOW_MS - 5
    job = await inspector.job("nightly")
    assert (job.state, job.replays) == (JobState.DEAD, (replayed.key,))


@pytest.mark.parametrize("put", ["complete", "cancelled"])
async def test_a_job_that_ended_otherwise_can_be_replayed_and_stays_in_its_index(
    inspector: Inspector, shelf: Shelf, put: str
) -> None:
    origin = getattr(shelf, put)(key="nightly")

    replayed = await inspector.replay("nightly")

    assert replayed.key is not None
    assert shelf.server.zscore(f"jobctl:default:{put}", origin) == NOW_MS


async def test_a_job_that_a_stock_worker_ended_can_be_replayed(inspector: Inspector, shelf: Shelf) -> None:
    shelf.server.zrem("jobctl:default:dead", shelf.dead(key="nightly"))

    assert (await inspector.replay("nightly")).key


@pytest.mark.parametrize("put", ["queued", "active", "scheduled", "retrying"])
async def test_a_job_that_has_not_ended_is_not_replayed(inspector: Inspector, shelf: Shelf, put: str) -> None:
    getattr(shelf, put)(key="nightly")
    size = shelf.server.dbsize()

    with pytest.raises(JobStateError, match="has not ended"):
        await inspector.replay("nightly")

    assert shelf.server.dbsize() == size


async def test_a_second_replay_is_refused_unless_forced(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="nightly")
    first = await inspector.replay("nightly")

    with pytest.raises(JobStateError, match=f"replayed already, as `{first.key}`"):
        await inspector.replay("nightly")
    second = await inspector.replay("nightly", force=True)

    assert (await inspector.job("nightly")).replays == (first.key, second.key)
    with pytest.raises(JobStateError, match=f"replayed already, as `{second.key}`"):
        await inspector.replay("nightly")


async def test_a_replay_can_be_replayed_when_it_dies(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="nightly")
    first = await inspector.replay("nightly")
    raw = shelf.record(job_id("default", str(first.key)))
    shelf.server.zrem("saq:default:incomplete", job_id("default", str(first.key)))
    shelf.server.set(job_id("default", str(first.key)), json.dumps(raw | {"status": "failed"}))

    second = await inspector.replay(str(first.key))

    assert (await inspector.job(str(second.key))).origin == first.key


async def test_a_job_that_dies_under_a_key_used_before_is_replayed_for_its_own_sake(
    inspector: Inspector, shelf: Shelf
) -> None:
    shelf.dead(key="nightly")
    await inspector.replay("nightly")
    shelf.server.zrem("jobctl:default:replayed", shelf.dead(key="nightly"))  # as after a stock producer's next run

    (replayed,) = await replay_all(inspector)

    assert replayed.key is not None


async def test_a_replay_of_nothing_is_refused(inspector: Inspector) -> None:
    with pytest.raises(JobNotFound):
        await inspector.replay("nightly")


async def test_a_replay_of_garbage_is_refused(inspector: Inspector, shelf: Shelf) -> None:
    shelf.server.set(shelf.dead(key="nightly"), b"garbage")

    with pytest.raises(JobStateError, match="cannot be read"):
        await inspector.replay("nightly")


async def test_a_replay_takes_the_unique_lock_of_its_origin(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="nightly", type="sync:briefly", meta={"jobctl": {"unique": LOCK}})

    replayed = await inspector.replay("nightly")

    assert shelf.server.get(LOCK) == job_id("default", str(replayed.key)).encode()
    assert 0 < shelf.server.pttl(LOCK) <= 60_000


async def test_a_replay_is_refused_while_another_job_holds_the_lock(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="nightly", meta={"jobctl": {"unique": LOCK}})
    shelf.server.set(LOCK, shelf.queued("low", key="holder"))

    with pytest.raises(DuplicateJob) as caught:
        await inspector.replay("nightly")

    assert caught.value.holder == "holder"
    assert shelf.server.zcard("jobctl:default:dead") == 1


async def test_a_lock_whose_holder_has_ended_is_taken_over(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="nightly", meta={"jobctl": {"unique": LOCK}})
    shelf.server.set(LOCK, shelf.complete("low", key="holder"))

    assert (await inspector.replay("nightly")).key


async def test_a_replay_sent_twice_by_the_network_is_one_job(broker: Redis, shelf: Shelf) -> None:
    origin = shelf.dead(key="nightly")
    renewal = renew(origin, shelf.server.get(origin) or b"")

    answers = [await send(broker, [renewal]) for _ in range(2)]

    assert answers == [[None], [None]]
    assert shelf.server.llen("saq:default:queued") == 1
    assert shelf.server.hget("jobctl:default:replays", origin) == renewal.key.encode()


async def test_all_dead_jobs_are_replayed_oldest_first(inspector: Inspector, shelf: Shelf) -> None:
    for n in range(250):
        shelf.dead(("default", "low")[n % 2], key=f"job-{n}", at_ms=NOW_MS - 1_000 * n)
    shelf.complete()
    shelf.queued()

    replayed = await replay_all(inspector)

    assert [each.origin for each in replayed] == [f"job-{n}" for n in reversed(range(250))]
    assert len({each.key for each in replayed}) == 250
    assert not any(each.reason for each in replayed)
    order = [json.loads(shelf.server.get(job) or b"") for job in shelf.server.lrange("saq:low:queued", 0, -1)]
    assert [each["meta"]["jobctl"]["origin"] for each in order] == [f"job-{n}" for n in reversed(range(1, 250, 2))]
    assert shelf.server.zcard("jobctl:low:dead") + shelf.server.zcard("jobctl:default:dead") == 0


async def test_a_dry_run_tells_the_same_and_changes_nothing(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="first", at_ms=NOW_MS - 1)
    shelf.dead(key="second")
    before = {key: shelf.server.dump(key) for key in shelf.server.scan_iter()}

    would = await would_replay(inspector)

    assert {key: shelf.server.dump(key) for key in shelf.server.scan_iter()} == before
    done = await replay_all(inspector)
    assert [(each.origin, each.queue, each.type) for each in would] == [
        (each.origin, each.queue, each.type) for each in done
    ]
    assert {each.key for each in would} == {None}


async def test_only_what_matches_is_replayed(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="other-type", type="sync:briefly")
    shelf.dead("low", key="other-queue")
    shelf.dead(key="too-young")
    shelf.dead(key="wanted", at_ms=NOW_MS - 90_000)

    replayed = await replay_all(inspector, where(type="mail-send", queue="default", older_than_s=60))

    assert [each.origin for each in replayed] == ["wanted"]


@pytest.mark.parametrize("put", ["dead", "complete"])
async def test_an_interrupted_replay_is_resumed_and_nothing_runs_twice(
    inspector: Inspector, shelf: Shelf, put: str
) -> None:
    query = where(state=put)
    for n in range(5):
        getattr(shelf, put)(key=f"job-{n}", at_ms=NOW_MS - n)
    await inspector.replay("job-1")
    await inspector.replay("job-3")

    rest = await replay_all(inspector, query)
    again = await replay_all(inspector, query)

    assert [each.origin for each in rest] == ["job-4", "job-2", "job-0"]
    assert again == []
    assert shelf.server.llen("saq:default:queued") == 5


async def test_a_job_that_cannot_be_replayed_does_not_stop_the_others(inspector: Inspector, shelf: Shelf) -> None:
    shelf.dead(key="first", at_ms=NOW_MS - 3)
    shelf.server.set(shelf.dead(key="garbage", at_ms=NOW_MS - 2), b"garbage")
    shelf.dead(key="locked", at_ms=NOW_MS - 1, meta={"jobctl": {"unique": LOCK}})
    shelf.server.set(LOCK, shelf.active("low", key="holder"))
    shelf.dead(key="last")

    replayed = await replay_all(inspector)

    assert {each.origin: each.key is not None for each in replayed} == {
        "first": True, "garbage": False, "locked": False, "last": True,
    }  # fmt: skip
    reasons = {each.origin: each.reason for each in replayed if each.reason}
    assert "cannot be read" in str(reasons["garbage"])
    assert "job `holder`" in str(reasons["locked"])


async def test_only_jobs_that_have_ended_can_be_asked_for(inspector: Inspector) -> None:
    with pytest.raises(UsageError, match="jobs that are active cannot be replayed"):
        await replay_all(inspector, where(state=(JobState.ACTIVE, JobState.DEAD)))
