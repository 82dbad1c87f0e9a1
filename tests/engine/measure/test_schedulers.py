"""The measure of fairness against schedulers whose answers are known."""

from __future__ import annotations

from itertools import islice
from math import sqrt
from random import Random

import pytest

from jobctl.measure.fairness import Fairness, measure
from jobctl.measure.schedulers import rotating, shuffled, smooth, split, strict

WEIGHTS = {"critical": 6, "default": 3, "low": 1}
SHARES = (0.6, 0.3, 0.1)


def test_ours_is_exact_in_every_window_of_ten_and_nearly_so_in_others() -> None:
    starts = list(islice(smooth(WEIGHTS), 5_000))

    for window in (10, 50, 100):
        assert measure(starts, WEIGHTS, window).worst_starts == 0
    assert measure(starts, WEIGHTS, 101).worst_starts < 1
    assert measure(starts, WEIGHTS).longest_gap == {"critical": 1, "default": 3, "low": 9}


def test_independent_draws_deviate_as_the_multinomial_distribution_says() -> None:
    starts = list(islice(shuffled(WEIGHTS, Random(1)), 100_000))

    fair = measure(starts, WEIGHTS, window=100)

    expected = 100 * sqrt(sum(p * (1 - p) for p in SHARES) / len(SHARES) / 100)  # 4.24 points
    assert fair.rms_points == pytest.approx(expected, rel=0.05)
    assert 14 < fair.worst_points < 25
    assert fair.jain == pytest.approx(1, abs=0.001)
    # A queue of share p waits for g others with probability (1 - p) ** g: of 10,000 gaps the longest is about 87.
    assert 60 < fair.longest_gap["low"] < 140


def test_strict_priority_gives_all_to_one() -> None:
    starts = list(islice(strict(WEIGHTS), 1_000))

    fair = measure(starts, WEIGHTS)

    assert (fair.worst_queue, fair.worst_points) == ("critical", pytest.approx(40))
    assert fair.rms_points == pytest.approx(100 * sqrt((0.4**2 + 0.3**2 + 0.1**2) / 3))
    assert fair.jain == pytest.approx(1 / 3)
    assert fair.longest_gap["low"] == 1_000


def test_weights_in_turn_are_exact_over_a_round_and_bunched_within_it() -> None:
    starts = list(islice(rotating(WEIGHTS), 1_000))

    assert measure(starts, WEIGHTS, window=10).worst_starts == 0
    assert measure(starts, WEIGHTS, window=5).worst_points == pytest.approx(40)  # five of `critical`


@pytest.mark.parametrize(
    ("run_ms", "shares"),
    [
        ({"critical": 10, "default": 10, "low": 10}, (0.6, 0.3, 0.1)),
        # starts follow slots / run time: 6/1 : 3/1 : 1/10
        ({"critical": 10, "default": 10, "low": 100}, (6 / 9.1, 3 / 9.1, 0.1 / 9.1)),
        ({"critical": 100, "default": 10, "low": 10}, (0.6 / 4.6, 3 / 4.6, 1 / 4.6)),
    ],
)
def test_split_slots_follow_the_run_times(run_ms: dict[str, float], shares: tuple[float, ...]) -> None:
    starts = list(islice(split(WEIGHTS, WEIGHTS, run_ms.__getitem__), 50_000))

    fair: Fairness = measure(starts, WEIGHTS)

    assert tuple(fair.achieved.values()) == pytest.approx(shares, abs=0.001)
