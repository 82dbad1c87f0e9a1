"""Figures from traces made by hand."""

from __future__ import annotations

from itertools import cycle, islice

import pytest

from jobctl.bench.findings import find
from jobctl.bench.journal import Load
from jobctl.bench.sampling import Moment
from jobctl.bench.scenario import ARRIVALS, BACKLOG, Phase
from jobctl.bench.trace import INTERRUPTED, Job, Run, Trace
from jobctl.broker import keys

MS = 1_000_000
S = 1000 * MS
ROUND = "aab"


def moment(at_ns: int, *, waiting: int = 0, cpu_s: float = 0.0, memory: int = 1_000_000) -> Moment:
    return Moment(at_ns=at_ns, waiting={"x-a": waiting, "x-b": 0}, left=waiting, cpu_s=cpu_s, memory=memory)


def backlog(order: str, *, every_ms: float = 1.0) -> Trace:
    """A drained backlog: one job every so many ms, worker and broker at half a core."""
    jobs = len(order)
    runs = [
        Run(f"k{n}", f"x-{queue}", int(n * every_ms * MS), int((n + 0.5) * every_ms * MS))
        for n, queue in enumerate(order)
    ]
    end = int(jobs * every_ms * MS)
    return Trace(
        phase=Phase(kind=BACKLOG, jobs=jobs),
        prefix="x-",
        weights={"x-a": 2, "x-b": 1},
        before=moment(-S),
        filled=moment(0, memory=1_000_000 + 500 * jobs),
        moments=[moment(at, cpu_s=at / S / 2) for at in range(0, end + 1, end // 10)],
        jobs={run.key: Job(run.queue, 0, 0, 0) for run in runs},
        runs=runs,
        ends={"completed": jobs, "dead": 0, "cancelled": 0, "lost": 0},
        workers=[[Load(at, at / S / 2, 50_000_000) for at in range(0, end + 1, end // 10)]],
    )


def arrivals(*, late_ms: float = 0.0, generator: float = 0.1, wait_ms: float = 2.0, jobs: int = 1_000) -> Trace:
    """Jobs due every ms, each sent late, enqueued in 1 ms, started after a wait, run for 3 ms, heard 1 ms later."""
    sent = {f"k{n}": Job("x-a", n * MS, int((n + late_ms) * MS), int((n + late_ms + 1) * MS)) for n in range(jobs)}
    runs = [
        Run(key, "x-a", job.due + int(wait_ms * MS), job.due + int((wait_ms + 3) * MS)) for key, job in sent.items()
    ]
    return Trace(
        phase=Phase(kind=ARRIVALS, rate_per_s=1_000.0, duration_s=jobs / 1000, warm_up_s=0.2),
        prefix="x-",
        weights={"x-a": 2, "x-b": 1},
        before=moment(-S),
        filled=moment(-S),
        moments=[moment(at) for at in range(0, jobs * MS, 100 * MS)],
        jobs=sent,
        runs=runs,
        heard={keys.job_id("x-a", run.key): run.ended + MS for run in runs},
        ends={"completed": jobs, "dead": 0, "cancelled": 0, "lost": 0},
        producer=[Load(0, 0.0, 0), Load(S, generator, 0)],
        workers=[[Load(0, 0.0, 50_000_000), Load(jobs * MS, 0.3, 50_000_000)]],
    )


def test_rate_and_costs_of_a_backlog() -> None:
    found = find(backlog("".join(islice(cycle(ROUND), 3_000))), has_shares=True)

    assert found.figures["throughput"] == pytest.approx(1_000)
    assert found.figures["worker.cpu_per_job"] == pytest.approx(0.5)
    assert found.figures["broker.cpu_per_job"] == pytest.approx(0.5)
    assert found.figures["broker.bytes_per_job"] == 500
    assert found.figures["worker.memory"] == 50_000_000
    assert found.windows["throughput"] == pytest.approx([1_000] * 10, rel=0.01)
    assert found.warnings == []


def test_a_backlog_has_no_latency() -> None:
    assert set(find(backlog(ROUND * 1_000), has_shares=True).latencies) == {"run"}


def test_exact_shares_are_exact_and_drawn_flat() -> None:
    found = find(backlog(ROUND * 1_000), has_shares=True)

    assert found.figures["fairness.max_deviation"] == pytest.approx(0.0, abs=0.0068)  # 100 is no multiple of 3
    assert set(found.series["shares"].lines["a"]) == {0.6667}
    assert found.targets == {"a": pytest.approx(2 / 3), "b": pytest.approx(1 / 3)}


def test_unfair_shares_are_measured() -> None:
    found = find(backlog("b" * 100 + "a" * 100 + ROUND * 900), has_shares=True)

    assert found.figures["fairness.max_deviation"] == pytest.approx(2 / 3, abs=0.01)


def test_a_side_without_shares_has_none() -> None:
    found = find(backlog(ROUND * 1_000), has_shares=False)

    assert not [name for name in found.figures if name.startswith("fairness")]
    assert "shares" not in found.series


def test_latencies_count_from_the_intended_send() -> None:
    found = find(arrivals(late_ms=5.0, wait_ms=10.0), has_shares=True)

    at = {name: histogram.percentile(50) for name, histogram in found.histograms.items()}
    assert at["late"] == pytest.approx(5, rel=0.01)
    assert at["enqueue"] == pytest.approx(6, rel=0.01)
    assert at["start"] == pytest.approx(10, rel=0.01)
    assert at["done"] == pytest.approx(14, rel=0.01)
    assert at["run"] == pytest.approx(3, rel=0.01)


def test_the_warm_up_is_left_out() -> None:
    found = find(arrivals(), has_shares=True)

    assert found.histograms["done"].count == 800
    assert found.figures["jobs"] == 1_000


def test_a_job_whose_end_went_unheard_counts_with_its_handlers_end() -> None:
    trace = arrivals()
    trace.heard = {}

    assert find(trace, has_shares=True).histograms["done"].percentile(50) == pytest.approx(5, rel=0.01)


def test_a_retried_job_is_done_when_its_last_attempt_is() -> None:
    trace = arrivals()
    first = trace.runs[500]
    trace.runs.append(Run(first.key, first.queue, first.started + S, first.ended + S))
    trace.heard = {}

    found = find(trace, has_shares=True)

    assert found.figures["redelivered"] == 1
    assert found.histograms["done"].high_ms > 1_000
    assert found.histograms["start"].high_ms < 10


def test_a_saturated_generator_is_told() -> None:
    (warning,) = find(arrivals(generator=0.95), has_shares=True).warnings

    assert "the generator is saturated (95% of a core)" in warning


def test_a_rate_that_was_not_reached_is_told() -> None:
    trace = arrivals()
    slow = {key: Job(job.queue, job.due, job.due, job.taken + job.due) for key, job in trace.jobs.items()}
    trace.jobs = slow  # each answer takes as long again as the run has lasted: half of the jobs are in by its end

    found = find(trace, has_shares=True)

    assert found.figures["offered"] == pytest.approx(500, rel=0.01)
    assert " of 1,000 a second" in found.warnings[0]


def test_late_sends_of_an_idle_generator_are_the_brokers() -> None:
    (warning,) = find(arrivals(late_ms=20.0, generator=0.1), has_shares=True).warnings

    assert "the broker answered slowly" in warning


def test_lost_jobs_are_told_first_of_all_counts() -> None:
    trace = backlog(ROUND * 1_000)
    trace.ends["lost"] = 2

    assert find(trace, has_shares=True).warnings == ["2 jobs were lost or not done in time"]


def test_a_run_that_was_stopped_at_once_has_counts_only() -> None:
    trace = backlog(ROUND * 1_000)
    trace.runs, trace.stopped, trace.ends = [], INTERRUPTED, {"lost": 3_000}

    found = find(trace, has_shares=True)

    assert "throughput" not in found.figures
    assert found.warnings[0].startswith("interrupted before its end")
    assert not [text for text in found.warnings if "lost" in text]  # nobody waited for them
