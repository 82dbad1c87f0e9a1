"""Comparisons: what is a difference, what is noise."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.measure.comparison import Outcome, compare

SAMPLES = st.lists(st.floats(0.01, 1e6), min_size=2, max_size=8)


def test_ratio_is_of_geometric_means() -> None:
    found = compare([10.0, 40.0], [40.0, 160.0], is_higher_better=True)

    assert (found.before, found.after, found.ratio) == pytest.approx((20.0, 80.0, 4.0))


def test_interval_is_welchs() -> None:
    # by hand: logs 0, 1, 2 and 3, 3.5, 4; s^2 1 and 0.25; standard error sqrt(1.25 / 3); 2.94 degrees of freedom -> 2
    e = 2.718281828459045

    found = compare([1.0, e, e**2], [e**3, e**3.5, e**4], is_higher_better=True)

    margin = 4.303 * (1.25 / 3) ** 0.5
    assert found.low == pytest.approx(e ** (2.5 - margin))
    assert found.high == pytest.approx(e ** (2.5 + margin))
    assert found.outcome is Outcome.NOISE


@pytest.mark.parametrize(("is_higher_better", "outcome"), [(True, Outcome.BETTER), (False, Outcome.WORSE)])
def test_a_clear_rise_is_good_or_bad_by_the_figure(is_higher_better: bool, outcome: Outcome) -> None:
    assert compare([100, 101, 99], [150, 151, 149], is_higher_better=is_higher_better).outcome is outcome


def test_single_samples_have_a_ratio_and_no_verdict() -> None:
    found = compare([100.0], [300.0], is_higher_better=True)

    assert (found.ratio, found.low, found.outcome) == (pytest.approx(3.0), None, Outcome.UNKNOWN)


def test_counts_of_nothing_are_compared_exactly() -> None:
    assert compare([0, 0], [0, 0], is_higher_better=False).outcome is Outcome.SAME
    assert compare([0, 0], [0, 1], is_higher_better=False).outcome is Outcome.WORSE
    assert compare([3, 0], [0, 0], is_higher_better=False).ratio is None


def test_worse_by_more_than_tolerated_needs_both_size_and_certainty() -> None:
    worse = compare([100, 101, 99], [80, 81, 79], is_higher_better=True)
    unsure = compare([100, 200, 50], [80, 160, 40], is_higher_better=True)

    assert worse.is_worse_by(0.1)
    assert not worse.is_worse_by(0.5)
    assert not unsure.is_worse_by(0.1)


@given(before=SAMPLES, after=SAMPLES)
def test_turning_the_comparison_round_turns_the_ratio_round(before: list[float], after: list[float]) -> None:
    there, back = (compare(*pair, is_higher_better=True) for pair in ((before, after), (after, before)))

    assert there.ratio is not None
    assert back.ratio is not None
    assert there.ratio * back.ratio == pytest.approx(1.0)
    turned = {Outcome.BETTER: Outcome.WORSE, Outcome.WORSE: Outcome.BETTER}
    assert back.outcome is turned.get(there.outcome, there.outcome)


def test_of_equal_runs_about_one_in_twenty_is_called_different() -> None:
    chance = random.Random(7)

    def runs(mean: float) -> list[float]:
        return [mean * chance.lognormvariate(0, 0.1) for _ in range(5)]

    equal = Counter(compare(runs(100), runs(100), is_higher_better=True).outcome for _ in range(2_000))
    double = Counter(compare(runs(100), runs(200), is_higher_better=True).outcome for _ in range(200))

    assert 0.02 < 1 - equal[Outcome.NOISE] / 2_000 < 0.06
    assert double[Outcome.BETTER] == 200
