"""A load test has queues to itself and leaves the broker as it was."""

from __future__ import annotations

import pytest
import redis

from jobctl import BlockingClient, load_plan
from jobctl.broker import keys
from jobctl.broker.keys import QueueKeys
from jobctl.loadtest.keyspace import BrokerInUse, held_jobs, remove_jobs, remove_queues, reserved
from jobctl.loadtest.spec import NOOP

OWN = ["load-critical", "load-low"]


def enqueue(redis_url: str, *jobs: str) -> list[str]:
    with BlockingClient(load_plan(NOOP), redis_url) as client:
        return [client.enqueue(job, {"number": 1}).id for job in jobs]


def test_queues_the_broker_did_not_know_are_removed_with_everything_in_them(
    server: redis.Redis, redis_url: str
) -> None:
    with reserved(server, OWN, run="run", is_shared=False):
        enqueue(redis_url, "noop-low", "noop-critical")
        queue = QueueKeys("load-low")
        for key in (queue.day("20260101"), queue.rate(7), queue.worker_info("w"), queue.dead, queue.expiry):
            server.set(key, "x")

    assert server.keys() == []


def test_of_a_queue_that_was_there_everything_is_left(server: redis.Redis, redis_url: str) -> None:
    enqueue(redis_url, "noop-low")
    before = sorted(server.keys())

    with reserved(server, OWN, run="run", is_shared=True):
        pass

    assert sorted(server.keys()) == before


def test_other_jobs_are_refused_also_those_of_stock_saq(server: redis.Redis) -> None:
    server.zadd("saq:mails:incomplete", {"saq:job:mails:1": 0})

    with pytest.raises(BrokerInUse, match=r"holds 1 other job \(mails: 1\)") as caught, _reserved(server):
        pass

    assert caught.value.exit_code == 2
    assert "--jobctl-shared" in str(caught.value.hint)
    assert not server.exists(keys.LOADTEST)


def test_two_load_tests_do_not_share_a_broker(server: redis.Redis) -> None:
    with _reserved(server), pytest.raises(BrokerInUse, match="another load test"), _reserved(server):
        pass

    with _reserved(server):  # free again
        pass


def test_what_a_killed_run_left_is_removed_by_the_next(server: redis.Redis, redis_url: str) -> None:
    enqueue(redis_url, "noop-low")
    server.sadd(keys.LOADTEST_QUEUES, "load-low")

    with _reserved(server):
        assert held_jobs(server, OWN) == {}


def test_a_job_counts_once_whatever_its_state(server: redis.Redis, redis_url: str) -> None:
    first, second = enqueue(redis_url, "noop-low", "noop-low")
    queue = QueueKeys("load-low")
    server.lrem(queue.queued, 1, first)
    server.zrem(queue.incomplete, first)
    server.zadd(queue.dead, {first: 1})

    assert held_jobs(server, OWN) == {"load-low": 2}
    remove_jobs(server, {"load-low": [first]})
    assert held_jobs(server, OWN) == {"load-low": 1}
    assert server.exists(second)


def test_removing_a_queue_leaves_its_neighbours(server: redis.Redis, redis_url: str) -> None:
    enqueue(redis_url, "noop-low", "noop-critical")

    remove_queues(server, ["load-low"])

    assert held_jobs(server, OWN) == {"load-critical": 1}


def _reserved(server: redis.Redis):  # type: ignore[no-untyped-def]
    return reserved(server, OWN, run="run", is_shared=False)
