"""Verdicts as JUnit."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

from jobctl.measure.junit import junit
from jobctl.measure.thresholds import judge_all, parse_thresholds


def test_each_threshold_is_a_case_and_a_missed_one_fails() -> None:
    verdicts = judge_all(parse_thresholds(["lost == 0", "throughput > 5000/s"]), {"lost": 0.0, "throughput": 12.0})

    root = fromstring(junit(verdicts, suite="throughput", took_s=30))

    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("time")) == ("2", "1", "30.000")
    kept, missed = suite
    assert kept.get("name") == "lost == 0"
    assert kept.find("failure") is None
    failure = missed.find("failure")
    assert failure is not None
    assert failure.get("message") == "measured 12/s"
