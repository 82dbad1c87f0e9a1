"""The throughput scenario, run as a user runs it: a short headless run in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
import redis
from tests.loadtests.conftest import Locust

from jobctl import BlockingClient, load_plan
from jobctl.loadtest.spec import NOOP


@pytest.mark.slow
def test_every_job_is_seen_to_its_end_thresholds_decide_and_nothing_is_left(
    locust: Locust, leftovers: Callable[[], list[bytes]], tmp_path: Path
) -> None:
    junit = tmp_path / "junit.xml"

    run = locust(
        *("-t", "3s", "--jobctl-workers", "1", "--jobctl-rate", "40", "--jobctl-junit", str(junit)),
        *("--threshold", "lost == 0", "--threshold", "done{noop-low}.p95 < 0.001ms", "--threshold", "throughput > 1/s"),
    )

    assert run.code == 6, run.err
    assert "MISSED  done{noop-low}.p95 < 0.001ms" in run.err
    assert [each["kept"] for each in run.result["thresholds"]] == [True, False, True]
    (suite,) = parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    figures = run.result["figures"]
    assert figures["completed"] == figures["jobs"] > 30
    assert run.total("done", "num_requests") == run.total("start", "num_requests") > 20
    assert run.total("enqueue", "num_requests") == run.total("done", "num_requests")
    assert run.total("done", "num_failures") == 0
    assert figures["done"]["histogram"]["count"] == run.total("done", "num_requests")
    assert leftovers() == []


@pytest.mark.slow
def test_jobs_that_nobody_runs_fail_the_test(locust: Locust, leftovers: Callable[[], list[bytes]]) -> None:
    run = locust("-t", "1s", "--jobctl-rate", "10", "--jobctl-drain", "100ms")

    assert run.code == 1
    assert "is a worker running" in run.err
    assert run.result["figures"]["lost"] == run.result["figures"]["jobs"] > 0
    assert leftovers() == []


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--jobctl-jobs", "noop-critcal"), 5, "did you mean `noop-critical`?"),
        (("--threshold", "done.p95 < 200"), 2, "write the limit as in `done.p95 < 200ms`"),
        (("--threshold", "fairness.jain > 0.9"), 2, "this run does not measure `fairness.jain`"),
        (("--baseline", "no-such-file.json"), 2, "the baseline `no-such-file.json` cannot be read"),
    ],
)
def test_a_wrong_option_ends_the_run_with_a_hint_before_anything_is_sent(
    locust: Locust, server: redis.Redis, options: tuple[str, ...], code: int, said: str
) -> None:
    run = locust("-t", "1s", *options)

    assert run.code == code
    assert said in run.err
    assert "Traceback" not in run.err
    assert server.dbsize() == 0


def test_a_broker_that_holds_other_jobs_is_refused(locust: Locust, redis_url: str) -> None:
    with BlockingClient(load_plan(NOOP), redis_url) as client:
        client.enqueue("noop-low", {"number": 1})

    run = locust("-t", "1s")

    assert run.code == 2
    assert "holds 1 other job (load-low: 1)" in run.err
    assert "--jobctl-shared" in run.err
