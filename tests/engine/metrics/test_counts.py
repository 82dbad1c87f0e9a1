"""From fields of a hash to samples, whatever the fields are called."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobctl.metrics.catalog import BUCKET_S, WORKER, Scrape
from jobctl.metrics.counts import Bounded, read_counts, tell_counts
from jobctl.worker.tally import BOUNDS_MS, OTHER, Tally


def samples(fields: list[tuple[str, int]], most: int = 10) -> dict[tuple[str, ...], float]:
    scrape = Scrape(WORKER)
    tell_counts(scrape, "jobctl_worker", ("1", "default"), read_counts(fields, Bounded(most)))
    told = [one for family in scrape.families() for one in family.samples]
    return {(one.name.removeprefix("jobctl_worker_"), *_kept(one.labels)): one.value for one in told}


def _kept(labels: dict[str, str]) -> list[str]:
    return [value for name, value in labels.items() if name in ("type", "outcome", "reason", "le")]


def test_bounds_of_workers_are_those_of_the_histograms() -> None:
    assert [bound / 1000 for bound in BOUNDS_MS] == list(BUCKET_S)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 10**8)), min_size=1, max_size=20))
def test_what_a_tally_counts_is_told_whole(starts: list[tuple[str, int]]) -> None:
    tally = Tally()
    for job_type, wait_ms in starts:
        tally.started("default", job_type, wait_ms)
    tally.take()

    told = samples(list(tally.totals["default"].items()))

    for job_type in {job_type for job_type, _ in starts}:
        count = sum(name == job_type for name, _ in starts)
        assert told["starts_total", job_type] == count
        assert told["wait_seconds_count", job_type] == count
        assert told["wait_seconds_bucket", job_type, "+Inf"] == count
        waits_ms = [wait_ms for name, wait_ms in starts if name == job_type]
        assert abs(told["wait_seconds_sum", job_type] * 1000 - sum(waits_ms)) <= 0.005 * sum(waits_ms)


def test_buckets_are_cumulative() -> None:
    told = samples([("mail|wait|1", 2), ("mail|wait|250", 3), ("mail|wait|inf", 1), ("mail|wait_ms", 700)])

    assert told["wait_seconds_bucket", "mail", "0.001"] == 2
    assert told["wait_seconds_bucket", "mail", "0.1"] == 2
    assert told["wait_seconds_bucket", "mail", "0.25"] == 5
    assert told["wait_seconds_bucket", "mail", "+Inf"] == 6
    assert told["wait_seconds_sum", "mail"] == 0.7


def test_types_beyond_the_most_are_one() -> None:
    told = samples([("a|dead", 1), ("b|dead", 2), ("c|dead", 3)], most=1)

    assert told["outcomes_total", "a", "dead"] == 1
    assert told["outcomes_total", OTHER, "dead"] == 5
    assert ("outcomes_total", "b", "dead") not in told


def test_a_name_that_was_told_stays() -> None:
    names = Bounded(2)

    assert [names(name) for name in ("b", "c", "a", "b", "c", "a")] == ["b", "c", OTHER, "b", "c", OTHER]
    assert names.omitted == 1


@given(st.dictionaries(st.text(), st.integers(0, 100)))
def test_fields_of_another_version_do_no_harm(fields: dict[str, int]) -> None:
    samples(list(fields.items()))
