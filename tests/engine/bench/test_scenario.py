"""Scenarios: when jobs are due, how mixes interleave, what may be changed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from jobctl.bench.order import JOBS
from jobctl.bench.scenario import ARRIVALS, BACKLOG, SCENARIOS, Phase, Portion, interleaved
from jobctl.compiler import load_plan


def test_arrivals_are_evenly_spaced_for_the_whole_duration() -> None:
    due = list(Phase(kind=ARRIVALS, rate_per_s=100.0, duration_s=2.0).due_s())

    assert len(due) == 200
    assert all(after - before == pytest.approx(0.01) for before, after in pairwise(due))


def test_bursts_come_on_top_of_the_steady_rate_and_in_order() -> None:
    phase = Phase(kind=ARRIVALS, rate_per_s=10.0, duration_s=4.0, burst_jobs=50, burst_every_s=1.0)

    due = list(phase.due_s())

    assert due == sorted(due)
    assert {at: count for at, count in Counter(due).items() if count > 1} == {1.0: 51, 2.0: 51, 3.0: 51}
    assert phase.total == 40 + 150


def test_a_backlog_is_due_at_once() -> None:
    assert set(Phase(kind=BACKLOG, jobs=10).due_s()) == {0.0}


def test_a_mix_is_spread_evenly() -> None:
    names = [each.job for each in interleaved([Portion(job="a", parts=6), Portion(job="b", parts=3)])]

    assert Counter(names) == {"a": 6, "b": 3}
    assert all(Counter(names[at : at + 3])["b"] == 1 for at in range(0, 9, 3))


def test_a_number_that_no_phase_has_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="jobs"):
        SCENARIOS["latency"].adjusted(jobs=10)


def test_a_short_run_has_a_short_warm_up_and_still_a_burst() -> None:
    (phase,) = SCENARIOS["burst"].adjusted(duration_s=2.0).phases

    assert phase.warm_up_s == pytest.approx(0.4)
    assert max(Counter(phase.due_s()).values()) > phase.burst_jobs


def test_other_numbers_reach_the_phases_that_have_them() -> None:
    backlog, arrivals = SCENARIOS["standard"].adjusted(jobs=7, rate_per_s=9.0).phases

    assert (backlog.jobs, arrivals.jobs, arrivals.rate_per_s) == (7, 0, 9.0)


def test_every_mix_names_jobs_of_the_shipped_spec_with_payloads_that_fit() -> None:
    from jobctl.client import NewJob, Preparer

    preparer = Preparer(load_plan(JOBS))
    for scenario in SCENARIOS.values():
        for portion in scenario.mix:
            preparer.prepare(NewJob(portion.job, portion.payload))
