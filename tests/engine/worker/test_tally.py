"""What a worker counts: exact counts, times to 0.4 %, one set of histograms for everyone who asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobctl.measure.latency import bounds_of
from jobctl.worker.tally import BOUNDS_MS, OTHER, UNKNOWN, Tally, read_field

times = st.integers(min_value=0, max_value=10**9)


def known(job_type: str) -> bool:
    return job_type != "made-up"


@given(st.lists(times, min_size=1, max_size=30))
def test_every_start_lies_in_one_bucket_of_each_kind(waits: list[int]) -> None:
    tally = Tally()
    for wait_ms in waits:
        tally.started("default", "mail", wait_ms)

    sums = tally.take()[1]["default"]

    fine = [count for field, count in sums.day.items() if read_field(field)[1] == "wait"]
    coarse = [count for field, count in sums.totals.items() if read_field(field)[1] == "wait"]
    assert sum(fine) == sum(coarse) == sums.totals["mail|started"] == len(waits)


@given(times)
def test_a_time_keeps_its_size(run_ms: int) -> None:
    tally = Tally()
    tally.ended("default", "mail", "complete", run_ms)

    sums = tally.take()[1]["default"]

    assert abs(sums.totals["mail|run_ms"] - run_ms) <= 0.004 * run_ms
    (bucket,) = [read_field(field)[2] for field in sums.day if read_field(field)[1] == "run"]
    low, high = bounds_of(int(bucket))
    assert low * 0.995 <= run_ms <= high * 1.005


def test_a_time_lies_below_the_bound_of_its_bucket() -> None:
    tally = Tally()
    for wait_ms in (0, 1, 2, 3, 250, BOUNDS_MS[-1] * 2):
        tally.started("default", "mail", wait_ms)

    sums = tally.take()[1]["default"]

    assert {read_field(f)[2]: n for f, n in sums.totals.items() if read_field(f)[1] == "wait"} == {
        "1": 2, "2": 1, "5": 1, "250": 1, "inf": 1
    }  # fmt: skip


def test_types_without_a_handler_share_one_name_in_what_is_kept_for_ever() -> None:
    tally = Tally()
    tally.ended("default", "made-up", "dead", 3)
    tally.ended("default", "mail", "dead", 3)

    sums = tally.take(known)[1]["default"]

    assert sums.totals[f"{OTHER}|dead"] == 1
    assert sums.day["made-up|dead"] == 1
    assert tally.totals["default"]["mail|dead"] == 1


def test_what_could_not_be_flushed_is_flushed_later_and_counted_once() -> None:
    tally = Tally()
    tally.started("default", "mail", 400)
    tally.put_back(tally.take()[0])
    tally.started("default", "mail", 400)

    assert tally.take()[1]["default"].rate["started"] == 2
    assert tally.totals["default"]["mail|started"] == 2
    assert not tally.take()[0]


def test_a_job_that_died_without_a_run_has_no_run_time() -> None:
    tally = Tally()
    tally.ended("default", "mail", "dead", UNKNOWN)
    tally.ended("default", "mail", "interrupted", 0)

    sums = tally.take()[1]["default"]

    assert sums.totals == {"mail|dead": 1, "mail|interrupted": 1}
    assert sums.rate == {"failed": 1}


def test_a_record_that_does_not_say_when_it_was_enqueued_has_not_waited() -> None:
    tally = Tally()
    tally.started("default", "mail", 1_700_000_000_000)

    assert tally.take()[1]["default"].totals["mail|wait_ms"] == 0


def test_a_type_with_a_bar_in_its_name_is_read_back() -> None:
    assert read_field("a|b|wait|inf") == ("a|b", "wait", "inf")
    assert read_field("a|b|dead") == ("a|b", "dead", "")


def test_a_retry_is_a_start_without_a_wait() -> None:
    tally = Tally()
    tally.started("default", "mail", UNKNOWN)

    assert tally.take()[1]["default"].totals == {"mail|started": 1}


def test_a_job_has_one_total_whatever_its_attempts() -> None:
    tally = Tally()
    tally.ended("default", "mail", "retry", 5)
    tally.ended("default", "mail", "complete", 5, 1_005)

    sums = tally.take()[1]["default"]

    assert sums.totals["mail|total_ms"] == pytest.approx(1_005, rel=0.004)
    assert {f: n for f, n in sums.totals.items() if read_field(f)[1] == "total"} == {"mail|total|2500": 1}
    assert [n for f, n in sums.day.items() if read_field(f)[1] == "total"] == [1]
