from __future__ import annotations

import json
import time
from typing import Any

import redis
from hypothesis import given
from hypothesis import strategies as st
from tests.registrations import registration

from jobctl.broker.envelope import new_key, seal
from jobctl.broker.plain import PlainJob, new_keys, pack_plain, stencil
from jobctl.broker.scripts import source
from jobctl.compiler.plan import Registration
from jobctl.spec.model import Backoff, Unique


def plain_job(of: Registration, key: str, payload: Any) -> PlainJob:
    found = stencil(of)
    assert found is not None
    return PlainJob(found, key, json.dumps(payload))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    payload=st.dictionaries(st.text(), json_values, max_size=4),
    factor=st.sampled_from((1.0, 2.0)),
    heartbeat_s=st.sampled_from((0.0, 2.5)),
)
def test_a_plain_job_has_the_record_that_the_general_form_gives_it(
    payload: dict[str, Any], factor: float, heartbeat_s: float
) -> None:
    job = registration("clean-up", backoff=Backoff(factor=factor), heartbeat_s=heartbeat_s, retention_s=3600.5)
    key = new_key()

    plain = json.loads(plain_job(job, key, payload).record)

    sealed = json.loads(seal(job, payload).record)
    assert plain == sealed | {"key": key}


def test_a_job_with_a_unique_lock_has_no_plain_form() -> None:
    assert stencil(registration("clean-up", unique=Unique(by=("id",)))) is None


@given(st.integers(0, 300))
def test_fresh_keys_are_as_one_drawn_alone_and_sort_as_they_were_drawn(count: int) -> None:
    before = new_key()

    keys = new_keys(count)

    after = new_key()
    assert len(keys) == count
    assert all(len(key) == len(after) and int(key, 16) for key in keys)
    assert sorted({before, *keys, after}) == [before, *keys, after]


def test_jobs_of_several_types_keep_their_order_in_each_queue(server: redis.Redis) -> None:
    types = [registration("a", queue="low"), registration("b", queue="low"), registration("c")]
    jobs = [plain_job(types[n % 3], f"key-{n}", {"n": n, "text": '"}'}) for n in range(1_000)]
    names, args = pack_plain(jobs)

    stored = server.register_script(source("enqueue_plain"))(keys=names, args=args)

    assert stored == 1_000
    for queue, residues in (("low", (0, 1)), ("default", (2,))):
        ids = [f"saq:job:{queue}:key-{n}" for n in range(1_000) if n % 3 in residues]
        assert server.lrange(f"saq:{queue}:queued", 0, -1) == [job_id.encode() for job_id in ids]
        assert set(server.zrange(f"saq:{queue}:incomplete", 0, -1, withscores=True)) == {
            (job_id.encode(), 0.0) for job_id in ids
        }
    record = json.loads(server.get("saq:job:default:key-5") or b"")
    assert (record["function"], record["queue"], record["key"]) == ("c", "default", "key-5")
    assert record["kwargs"] == {"n": 5, "text": '"}'}
    assert abs(record["queued"] - time.time() * 1000) < 60_000
    assert server.smembers("jobctl:queues") == {b"low", b"default"}
