"""The histogram of latencies."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.measure.latency import ZERO_BUCKET, ZERO_MS, Histogram, bounds_of, bucket_of

LATENCIES = st.floats(min_value=0, max_value=1e9, allow_nan=False)


@given(st.floats(min_value=ZERO_MS, max_value=1e12))
def test_a_bucket_holds_its_latency_and_is_one_percent_wide_to_either_side(latency_ms: float) -> None:
    low, high = bounds_of(bucket_of(latency_ms))

    assert low <= latency_ms < high
    assert abs((low + high) / 2 - latency_ms) <= latency_ms / 100


@given(st.floats(min_value=ZERO_MS, max_value=1e12))
def test_buckets_lie_side_by_side(latency_ms: float) -> None:
    bucket = bucket_of(latency_ms)

    assert bounds_of(bucket)[1] == bounds_of(bucket + 1)[0]
    assert bucket_of(bounds_of(bucket)[1]) == bucket + 1


@given(st.lists(LATENCIES, min_size=1), st.floats(min_value=0, max_value=100))
def test_percentiles_are_those_of_the_sorted_latencies_to_one_percent(latencies: list[float], percent: float) -> None:
    exact = sorted(latencies)[max(math.ceil(percent / 100 * len(latencies)), 1) - 1]

    assert Histogram(latencies).percentile(percent) == pytest.approx(exact, rel=0.01, abs=ZERO_MS)


@given(st.lists(LATENCIES), st.lists(LATENCIES))
def test_merged_histograms_are_the_histogram_of_all(some: list[float], others: list[float]) -> None:
    merged = Histogram(some)
    merged.merge(Histogram(others))
    both = Histogram(some + others)

    assert (merged.counts, merged.count) == (both.counts, both.count)
    assert (merged.low_ms, merged.high_ms) == (both.low_ms, both.high_ms)
    assert merged.total_ms == pytest.approx(both.total_ms)


@given(st.lists(LATENCIES))
def test_json_gives_the_same_histogram_back(latencies: list[float]) -> None:
    histogram = Histogram(latencies)

    assert Histogram.from_json(json.loads(json.dumps(histogram.to_json()))) == histogram


@given(st.lists(LATENCIES, min_size=1))
def test_bare_buckets_give_the_same_percentiles_to_one_percent(latencies: list[float]) -> None:
    histogram = Histogram(latencies)
    bare = Histogram.from_counts(histogram.counts)

    assert bare.counts == histogram.counts
    assert bare.percentile(50) == pytest.approx(histogram.percentile(50), rel=0.01, abs=ZERO_MS)


def test_without_latencies_every_figure_is_nothing() -> None:
    histogram = Histogram()

    assert (histogram.percentile(99), histogram.mean_ms, histogram.low_ms, histogram.high_ms) == (0, 0, 0, 0)
    assert not list(histogram.bars())


def test_a_clock_that_was_set_back_counts_as_no_time() -> None:
    histogram = Histogram([-3.0, 10.0])

    assert histogram.counts[ZERO_BUCKET] == 1
    assert histogram.low_ms == 0


@pytest.mark.parametrize("latency_ms", [math.nan, math.inf])
def test_what_is_no_number_is_refused(latency_ms: float) -> None:
    with pytest.raises(ValueError, match="is no latency"):
        Histogram().record(latency_ms)


def test_a_percentile_lies_between_0_and_100() -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        Histogram().percentile(101)
