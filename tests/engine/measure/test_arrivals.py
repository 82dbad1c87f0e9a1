"""Intended times of an open workload."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.measure.arrivals import Arrivals, Even, Poisson, Together


def times(arrivals: Arrivals, now_s: float, count: int) -> list[float]:
    found = [arrivals.first(now_s)]
    while len(found) < count:
        found.append(arrivals.next(found[-1]))
    return found


@given(st.floats(0.001, 10), st.floats(0, 1e6), st.integers())
def test_even_arrivals_keep_their_interval_and_begin_within_one(interval_s: float, now_s: float, seed: int) -> None:
    found = times(Even(interval_s, Random(seed)), now_s, 20)

    assert 0 <= found[0] - now_s <= interval_s + 1e-6
    assert all(later - earlier == pytest.approx(interval_s, abs=1e-6) for earlier, later in pairwise(found))


def test_poisson_arrivals_have_the_mean_and_the_spread_of_the_exponential_distribution() -> None:
    found = times(Poisson(0.5, Random(7)), 100.0, 20_000)
    gaps = [later - earlier for earlier, later in pairwise(found)]

    assert sum(gaps) / len(gaps) == pytest.approx(0.5, rel=0.03)
    assert sum(gap > 0.5 for gap in gaps) / len(gaps) == pytest.approx(0.3679, abs=0.01)


@given(st.floats(0.01, 60), st.floats(0, 1e6), st.floats(0, 1e6))
def test_senders_in_step_send_at_the_same_moments(interval_s: float, one_s: float, other_s: float) -> None:
    together = Together(interval_s)

    def moments(now_s: float) -> set[int]:
        return {round(at_s / interval_s) for at_s in times(together, now_s, 5)}

    later = max(one_s, other_s)
    assert moments(later) == {min(moments(later)) + step for step in range(5)}
    assert together.first(one_s) >= one_s - 1e-6
