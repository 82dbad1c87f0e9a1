"""What a worker counts: exact counts, times to 0.4 %, one set of histograms for everyone who asks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobctl.measure.latency import bounds_of
from jobctl.worker.tally import BOUNDS_MS, NO_RUN, OTHER, Tally, read_field

times = st.integers(min_value=0, max_value=10**9)


def known(job_type: str) -> bool:
    return job_type != "made-up"


@given(st.lists(times, min_size=1, max_size=30))
def test_every_start_lies_in_one_bucket_of_each_kind(waits: list[int]) -> None:
    tally = Tally()
    for wait_ms in waits:
        tally.started("default", "mail", wait_ms)

    counted = tally.take()

    fine = [count for (_, field), count in counted.by_day().items() if read_field(field)[1] == "wait"]
    coarse = [count for (_, field), count in counted.in_all(known).items() if read_field(field)[1] == "wait"]
    assert sum(fine) == sum(coarse) == counted.in_all(known)["default", "mail|started"] == len(waits)


@given(times)
def test_a_time_keeps_its_size(run_ms: int) -> None:
    tally = Tally()
    tally.ended("default", "mail", "complete", run_ms)

    counted = tally.take()

    total_ms = counted.in_all(known)["default", "mail|run_ms"]
    assert abs(total_ms - run_ms) <= 0.004 * run_ms
    (bucket,) = [read_field(field)[2] for _, field in counted.by_day() if read_field(field)[1] == "run"]
    low, high = bounds_of(int(bucket))
    assert low * 0.995 <= run_ms <= high * 1.005


def test_a_time_lies_below_the_bound_of_its_bucket() -> None:
    tally = Tally()
    for wait_ms in (0, 1, 2, 3, 250, BOUNDS_MS[-1] * 2):
        tally.started("default", "mail", wait_ms)

    sums = tally.take().in_all(known)

    assert {read_field(f)[2]: n for (_, f), n in sums.items() if read_field(f)[1] == "wait"} == {
        "1": 2, "2": 1, "5": 1, "250": 1, "inf": 1
    }  # fmt: skip


def test_types_without_a_handler_share_one_name_in_what_is_kept_for_ever() -> None:
    tally = Tally()
    tally.ended("default", "made-up", "dead", 3)
    tally.ended("default", "mail", "dead", 3)

    counted = tally.take(known)

    assert counted.in_all(known)["default", f"{OTHER}|dead"] == 1
    assert counted.by_day()["default", "made-up|dead"] == 1
    assert tally.totals["default", "mail|dead"] == 1


def test_what_could_not_be_flushed_is_flushed_later_and_counted_once() -> None:
    tally = Tally()
    tally.started("default", "mail", 400)
    tally.put_back(tally.take())
    tally.started("default", "mail", 400)

    counted = tally.take()

    assert counted.by_ten_seconds()["default", "started"] == 2
    assert tally.totals["default", "mail|started"] == 2
    assert not tally.take()


def test_a_job_that_died_without_a_run_has_no_run_time() -> None:
    tally = Tally()
    tally.ended("default", "mail", "dead", NO_RUN)
    tally.ended("default", "mail", "interrupted", 0)

    counted = tally.take()

    assert counted.in_all(known) == {("default", "mail|dead"): 1, ("default", "mail|interrupted"): 1}
    assert counted.by_ten_seconds() == {("default", "failed"): 1}


def test_a_record_that_does_not_say_when_it_was_enqueued_has_not_waited() -> None:
    tally = Tally()
    tally.started("default", "mail", 1_700_000_000_000)

    assert tally.take().in_all(known)["default", "mail|wait_ms"] == 0


def test_a_type_with_a_bar_in_its_name_is_read_back() -> None:
    assert read_field("a|b|wait|inf") == ("a|b", "wait", "inf")
    assert read_field("a|b|dead") == ("a|b", "dead", "")
