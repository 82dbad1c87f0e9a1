"""Thresholds: reading and judging."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.measure.latency import Histogram
from jobctl.measure.metrics import METRICS, Unit, statistic
from jobctl.measure.thresholds import OPERATORS, BadThreshold, Figure, judge_all, parse_threshold, parse_thresholds


@pytest.mark.parametrize(
    ("text", "figure", "stat", "operator", "limit"),
    [
        ("done.p95 < 200ms", "done", "p95", "<", 200),
        ("done.p99.9<=1m30s", "done", "p99.9", "<=", 90_000),
        ("  start.mean   <  1.5s ", "start", "mean", "<", 1500),
        ("done{tenant-init}.p95 < 2s", "done{tenant-init}", "p95", "<", 2000),
        ("fairness.max_deviation < 2%", "fairness.max_deviation", "", "<", 0.02),
        ("fairness.jain >= 0.99", "fairness.jain", "", ">=", 0.99),
        ("fairness.starvation{low} < 10s", "fairness.starvation{low}", "", "<", 10_000),
        ("lost == 0", "lost", "", "==", 0),
        ("dead != 0", "dead", "", "!=", 0),
        ("jobs > 1,000", "jobs", "", ">", 1000),
        ("throughput > 5000/s", "throughput", "", ">", 5000),
        ("fairness.max_deviation == 0", "fairness.max_deviation", "", "==", 0),
    ],
)
def test_a_threshold_is_read(text: str, figure: str, stat: str, operator: str, limit: float) -> None:
    threshold = parse_threshold(text)

    assert (threshold.figure, threshold.stat, threshold.operator) == (figure, stat, operator)
    assert threshold.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("", "is no threshold", "metric, an operator and a limit"),
        ("done.p95", "is no threshold", "done.p95 < 200ms"),
        ("lost = 0", "single `=`", "write `==`"),
        ("dne.p95 < 1s", "no metric `dne.p95`", "did you mean `done`"),
        ("fairness.max_deviaton < 2%", "no metric", "did you mean `fairness.max_deviation`"),
        ("zebra > 1", "no metric `zebra`", "metrics are"),
        ("done < 200ms", "a statistic is missing", "`done.p95`"),
        ("done.p101 < 200ms", "no statistic `p101`", "is a distribution"),
        ("done.median < 200ms", "no statistic `median`", "`done.p50`"),
        ("lost.p95 < 1", "is one figure", "write `lost` alone"),
        ("done.p95 < 200", "`200` is no limit of `done`", "done.p95 < 200ms"),
        ("throughput > 5000", "`5000` is no limit", "throughput > 5000/s"),
        ("fairness.max_deviation < 2", "`2` is no limit", "fairness.max_deviation < 2%"),
        ("lost == none", "`none` is no limit", "lost == 0"),
        ("lost{a} == 0", "cannot be narrowed", "leave `{...}` out"),
        ("done{}.p95 < 1s", "cannot be narrowed", "done{NAME}"),
    ],
)
def test_a_wrong_threshold_says_what_is_wrong_and_how_it_is_written(text: str, problem: str, hint: str) -> None:
    with pytest.raises(BadThreshold) as caught:
        parse_threshold(text)

    assert problem in caught.value.message
    assert hint in (caught.value.hint or "")


def test_what_the_run_does_not_measure_is_refused_before_it() -> None:
    with pytest.raises(BadThreshold, match=r"does not measure `fairness\.jain`") as caught:
        parse_threshold("fairness.jain > 0.9", measured={"done", "lost"})

    assert caught.value.hint == "it measures `done`, `lost`"


def test_a_job_that_takes_no_part_is_refused_before_the_run() -> None:
    with pytest.raises(BadThreshold, match="no job `tenant-int` takes part") as caught:
        parse_threshold("done{tenant-int}.p95 < 1s", scopes=["tenant-init"])

    assert caught.value.hint == "did you mean `{tenant-init}`?"


def test_verdicts_stand_in_the_order_of_their_thresholds() -> None:
    figures: dict[str, Figure] = {"done": Histogram([100.0] * 99 + [900.0]), "lost": 1.0, "throughput": 6000.0}
    thresholds = parse_thresholds(["done.p95 < 200ms", "done.max < 200ms", "lost == 0", "throughput > 5000/s"])

    verdicts = judge_all(thresholds, figures)

    assert [verdict.is_kept for verdict in verdicts] == [True, False, False, True]
    assert [verdict.measured for verdict in verdicts] == ["100ms", "900ms", "1", "6,000/s"]


@pytest.mark.parametrize("figures", [{}, {"done": Histogram()}])
def test_what_was_not_measured_is_missed(figures: dict[str, Histogram]) -> None:
    verdict = parse_threshold("done.p95 < 200ms").judge(figures)

    assert not verdict.is_kept
    assert verdict.measured == "not measured"


@given(st.sampled_from(sorted(METRICS)), st.sampled_from(sorted(OPERATORS)), st.integers(0, 10**6))
def test_what_a_unit_writes_it_reads_again(name: str, operator: str, value: int) -> None:
    metric = METRICS[name]
    limit = metric.unit.write(float(value))
    stat = ".p95" if metric.has_stats else ""

    threshold = parse_threshold(f"{name}{stat} {operator} {limit}")

    assert threshold.limit == pytest.approx(value, rel=0.01, abs=0.5)


@given(st.text(max_size=40))
def test_any_text_is_a_threshold_or_a_bad_one(text: str) -> None:
    with suppress(BadThreshold):
        parse_threshold(text)


@pytest.mark.parametrize("unit", list(Unit))
def test_the_example_of_each_unit_can_be_read(unit: Unit) -> None:
    assert math.isfinite(unit.parse(unit.example))


def test_statistics_of_a_distribution() -> None:
    histogram = Histogram([1.0, 2.0, 3.0])

    readers = [statistic(name) for name in ("min", "mean", "max")]

    assert [reader(histogram) for reader in readers if reader] == [1.0, 2.0, 3.0]
    assert statistic("p100.5") is None


def test_the_page_on_load_tests_explains_every_metric() -> None:
    page = (Path(__file__).parents[3] / "docs/load-testing.md").read_text(encoding="utf-8")

    missing = [metric.name for metric in METRICS.values() if f"| {metric.summary} |" not in page]

    assert missing == []
