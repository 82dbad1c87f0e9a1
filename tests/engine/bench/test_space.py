"""A run's own key space: refused where others work, and nothing of it stays."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest
import redis

from jobctl import BlockingClient, load_plan
from jobctl.bench.order import JOBS
from jobctl.bench.run import Setup, run_phase
from jobctl.bench.scenario import BACKLOG, SCENARIOS, Phase
from jobctl.bench.space import new_prefix, own_space
from jobctl.broker import keys
from jobctl.loadtest.keyspace import BrokerInUse


def tell(*_: object) -> None:
    pass


def space(url: str, *, may_share: bool = False) -> AbstractContextManager[object]:
    return own_space(url, new_prefix(), ["q"], may_share=may_share)


def enqueue_one(url: str) -> None:
    with BlockingClient(load_plan(JOBS), url) as client:
        client.enqueue("noop-low")


def test_a_broker_that_holds_other_jobs_is_refused(redis_url: str) -> None:
    enqueue_one(redis_url)

    with pytest.raises(BrokerInUse, match=r"1 other job \(") as refused, space(redis_url):
        pass

    assert refused.value.hint
    assert "--shared" in refused.value.hint


def test_two_runs_at_once_on_one_broker_are_refused(redis_url: str) -> None:
    with (
        space(redis_url, may_share=True),
        pytest.raises(BrokerInUse, match="another load test"),
        space(redis_url, may_share=True),
    ):
        pass


@pytest.mark.slow
def test_a_run_on_a_shared_broker_leaves_everything_as_it_was(redis_url: str, server: redis.Redis) -> None:
    enqueue_one(redis_url)
    server.set(keys.PLAN, b'{"facts":{},"worker":"w","at_ms":1}')
    before = {key: server.dump(key) for key in server.scan_iter()}

    setup = Setup(url=redis_url, may_share=True)
    trace = run_phase("jobctl", Phase(kind=BACKLOG, jobs=200), SCENARIOS["mixed"].mix, setup, tell)

    assert trace.ends["completed"] == 200
    assert {key: server.dump(key) for key in server.scan_iter()} == before
