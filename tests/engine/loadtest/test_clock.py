"""The broker's clock as seen from a host whose own clock is whatever it is."""

from __future__ import annotations

import pytest

from jobctl.loadtest.clock import BrokerClock


class FarBroker:
    """A broker whose answers take their time, and a monotonic clock that shows it."""

    def __init__(self, trips_s: list[tuple[float, float]]) -> None:
        self.now_s = 50.0
        self.trips_s = trips_s

    def time(self) -> tuple[int, int]:
        there_s, back_s = self.trips_s.pop(0) if len(self.trips_s) > 1 else self.trips_s[0]
        self.now_s += there_s
        answer = 1_700_000_000 + self.now_s
        self.now_s += back_s
        return int(answer), round(answer % 1 * 1_000_000)

    def monotonic(self) -> float:
        return self.now_s


def test_the_quickest_round_trip_sets_the_clock() -> None:
    broker = FarBroker([(0.3, 0.0), (0.0, 0.2), (0.001, 0.001), (0.05, 0.0)])

    clock = BrokerClock(broker, broker.monotonic)  # type: ignore[arg-type]

    assert clock.now_ms() == pytest.approx((1_700_000_000 + broker.now_s) * 1000, abs=0.01)
    assert clock.error_ms == pytest.approx(1.0)


def test_an_uneven_way_errs_by_half_the_round_trip_at_most() -> None:
    broker = FarBroker([(0.010, 0.0)])

    clock = BrokerClock(broker, broker.monotonic)  # type: ignore[arg-type]

    off_ms = abs(clock.now_ms() - (1_700_000_000 + broker.now_s) * 1000)
    assert off_ms <= clock.error_ms + 0.01
