"""The log of a run, and the figures made of it."""

from __future__ import annotations

import json

import pytest

from jobctl.measure.latency import Histogram
from jobctl.measure.runlog import Interval, RunLog, fairness_of, figures_of

INTERVAL = Interval(from_ms=10_500, to_ms=13_200)


def log_of(*completed: tuple[float, str, float]) -> RunLog:
    log = RunLog()
    for at_ms, job, done_ms in completed:
        log.record("done", job, done_ms)
        log.second(at_ms).completed += 1
        log.second(at_ms).done.record(done_ms)
        log.counts["completed"] += 1
    return log


def test_rates_are_means_over_the_whole_seconds_inside() -> None:
    log = log_of(*[(10_900, "a", 1.0)] * 100, *[(11_500, "a", 1.0)] * 30, *[(12_500, "a", 1.0)] * 10)

    assert figures_of(log, INTERVAL)["throughput"] == 20


def test_a_run_shorter_than_a_second_has_a_rate_by_its_length() -> None:
    log = log_of(*[(10_100, "a", 1.0)] * 100)

    assert figures_of(log, Interval(from_ms=10_000, to_ms=10_500))["throughput"] == pytest.approx(200)


def test_latencies_are_there_by_job_and_of_all() -> None:
    figures = figures_of(log_of((11_000, "a", 1.0), (11_000, "b", 100.0)), INTERVAL)

    done, done_a = figures["done"], figures["done{a}"]
    assert isinstance(done, Histogram)
    assert isinstance(done_a, Histogram)
    assert (done.count, done_a.count) == (2, 1)
    assert (done.high_ms, done_a.high_ms) == (100.0, 1.0)


def test_logs_of_several_processes_add_up_and_survive_json() -> None:
    some, others = log_of((11_000, "a", 1.0)), log_of((11_000, "a", 3.0), (12_000, "b", 5.0))
    others.depth, others.looks, others.busy_looks, others.generator_cpu = 7, 4, 1, 0.5
    others.memory["broker", 11_000.5] = 1_000
    others.starts.add("q", arrived_ms=1, started_ms=2, run_ms=3)

    some.merge(RunLog.from_json(json.loads(json.dumps(others.to_json()))))

    both = log_of((11_000, "a", 1.0), (11_000, "a", 3.0), (12_000, "b", 5.0))
    assert some.latencies == both.latencies
    assert some.seconds == both.seconds
    assert some.counts == both.counts
    assert (some.depth, some.looks, some.busy_looks, some.generator_cpu) == (7, 4, 1, 0.5)
    assert some.memory == {("broker", 11_000.5): 1_000}
    assert some.starts == others.starts


def test_memory_is_judged_by_its_most_and_by_how_it_grew() -> None:
    log = RunLog(memory={("broker", 10_500.0 + at): size for at, size in enumerate([100, 100, 500, 110, 110, 110])})

    figures = figures_of(log, INTERVAL)

    assert figures["broker.memory"] == 500
    assert figures["broker.growth"] == pytest.approx(0.1)
    assert "worker.memory" not in figures


def test_fairness_is_that_of_the_measured_time_and_its_work_time_stands_beside_it() -> None:
    log = RunLog()
    for number in range(600):
        queue = "aab"[number % 3]
        log.starts.add(queue, arrived_ms=10_000, started_ms=11_000 + number, run_ms=10 if queue == "a" else 20)

    fair = fairness_of(log, {"a": 2, "b": 1}, INTERVAL, window=30)
    assert fair is not None
    figures = figures_of(log, INTERVAL, fair)

    assert figures["fairness.max_deviation"] == 0
    assert figures["fairness.work_deviation"] == pytest.approx(2 / 3 - 1 / 2)
    assert figures["fairness.starvation"] == figures["fairness.starvation{b}"]


def test_without_a_moment_in_which_all_queues_have_work_there_is_no_fairness() -> None:
    log = RunLog()
    log.starts.add("a", arrived_ms=11_000, started_ms=11_001, run_ms=1)

    assert fairness_of(log, {"a": 1, "b": 1}, INTERVAL) is None
