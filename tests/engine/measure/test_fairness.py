from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.measure.fairness import busy_prefix, jain_index, measure, measure_spans
from jobctl.measure.schedulers import smooth
from jobctl.measure.starts import Span, Tick

WEIGHTS = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 9), min_size=1)


@given(weights=WEIGHTS, cycles=st.integers(2, 5))
def test_smooth_round_robin_is_exact_in_every_window_of_a_cycle(weights: dict[str, int], cycles: int) -> None:
    cycle = sum(weights.values())

    fair = measure(list(islice(smooth(weights), cycle * cycles)), weights, window=cycle)

    assert fair.worst_starts == 0
    assert fair.jain == pytest.approx(1.0)
    assert fair.achieved == pytest.approx(fair.expected)


@given(starts=st.lists(st.sampled_from("abc"), min_size=1, max_size=60), window=st.integers(1, 70))
def test_the_worst_window_is_the_one_a_naive_count_finds(starts: list[str], window: int) -> None:
    weights = {"a": 6, "b": 3, "c": 1}

    fair = measure(starts, weights, window=window)

    size = min(window, len(starts))
    deviations = [
        abs(starts[at : at + size].count(queue) - size * weight / 10)
        for at in range(len(starts) - size + 1)
        for queue, weight in weights.items()
    ]
    assert fair.worst_starts == pytest.approx(max(deviations))
    assert fair.worst_points == pytest.approx(100 * max(deviations) / size)
    assert fair.worst_queue is not None
    seen = starts[fair.worst_at : fair.worst_at + size].count(fair.worst_queue)
    assert abs(seen - size * fair.expected[fair.worst_queue]) == pytest.approx(fair.worst_starts)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_jains_index_lies_between_one_of_n_and_one(shares: list[float]) -> None:
    index = jain_index(shares)

    assert 1 / len(shares) - 1e-9 <= index <= 1 + 1e-9


def test_one_queue_that_has_everything_is_as_unfair_as_can_be() -> None:
    fair = measure(["a"] * 100, {"a": 1, "b": 1})

    assert fair.jain == pytest.approx(0.5)
    assert fair.worst_points == pytest.approx(50)
    assert fair.achieved == {"a": 1.0, "b": 0.0}


def test_a_burst_inside_a_fair_sequence_is_found_where_it_is() -> None:
    starts = ["a", "b"] * 100 + ["a"] * 10 + ["b"] * 10 + ["a", "b"] * 100

    fair = measure(starts, {"a": 1, "b": 1}, window=10)

    assert fair.worst_starts == 5
    assert fair.worst_at == 200
    assert fair.jain == pytest.approx(1.0)


def test_starts_of_a_queue_without_weight_are_owed_to_nobody() -> None:
    fair = measure(["x"] * 10, {"a": 1}, window=10)

    assert fair.worst_starts == 10
    assert fair.achieved == {"a": 0.0}


def test_no_starts_are_neither_fair_nor_unfair() -> None:
    fair = measure([], {"a": 2, "b": 1})

    assert (fair.starts, fair.worst_starts, fair.worst_queue, fair.jain) == (0, 0.0, None, 1.0)


@pytest.mark.parametrize("weights", [{}, {"a": 0}])
def test_weights_that_divide_nothing_are_refused(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="weight of 1 or more"):
        measure(["a"], weights)


def test_a_window_without_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="window of 0"):
        measure(["a"], {"a": 1}, window=0)


def test_the_busy_prefix_ends_with_the_last_job_of_the_first_empty_queue() -> None:
    starts = ["a", "b", "a", "a", "b", "b"]

    assert list(busy_prefix(starts, {"a": 3, "b": 9})) == ["a", "b", "a", "a"]
    assert list(busy_prefix(starts, {"a": 9, "b": 9})) == starts
    assert list(busy_prefix(starts, {"a": 9, "b": 0})) == []


@given(starts=st.lists(st.sampled_from("abc"), min_size=1, max_size=60), window=st.integers(1, 70))
def test_rms_and_gaps_are_what_a_naive_count_finds(starts: list[str], window: int) -> None:
    weights = {"a": 6, "b": 3, "c": 1}

    fair = measure(starts, weights, window=window)

    size = min(window, len(starts))
    squares = [
        (100 * (starts[at : at + size].count(queue) / size - weight / 10)) ** 2
        for at in range(len(starts) - size + 1)
        for queue, weight in weights.items()
    ]
    gaps = {
        queue: max(map(len, "".join(queue if start == queue else "." for start in starts).split(queue)))
        for queue in weights
    }
    assert fair.rms_points == pytest.approx((sum(squares) / len(squares)) ** 0.5)
    assert fair.longest_gap == gaps


@given(st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=5), min_size=1, max_size=20), st.integers(1, 12))
def test_windows_of_unordered_moments_begin_and_end_with_them(moments: list[list[str]], window: int) -> None:
    weights = {"a": 2, "b": 1}
    ticks = [Tick(at, {queue: each.count(queue) for queue in set(each)}) for at, each in enumerate(moments)]

    fair = measure_spans([Span(ticks, 0, len(ticks))], weights, window=window)

    window = min(window, sum(map(len, moments)))
    deviations = []
    for first in range(len(moments)):
        for last in range(first + 1, len(moments) + 1):
            inside = [queue for each in moments[first:last] for queue in each]
            if len(inside) >= window:
                deviations += [abs(inside.count(queue) / len(inside) - weight / 3) for queue, weight in weights.items()]
                break
    assert fair.worst_points == pytest.approx(100 * max(deviations))


def test_spans_are_measured_one_by_one_and_short_ones_left_out() -> None:
    fair_span = Span([Tick(at, {"a": 1, "b": 1}) for at in range(100)], 0, 100)
    short = Span([Tick(200, {"a": 5})], 200, 200)

    fair = measure_spans([fair_span, short, fair_span], {"a": 1, "b": 1}, window=10)

    assert (fair.worst_starts, fair.starts) == (0, 400)


def test_starvation_is_the_longest_time_with_work_and_without_a_start() -> None:
    span = Span([Tick(10, {"a": 1}), Tick(30, {"b": 1}), Tick(35, {"a": 2}), Tick(60, {"b": 1})], 0, 100)

    fair = measure_spans([span], {"a": 1, "b": 1})

    assert fair.starved_ms == {"a": 65, "b": 40}
    assert fair.longest_gap == {"a": 1, "b": 2}
