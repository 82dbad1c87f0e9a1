"""Results: what they say, and what a baseline must be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobctl.errors import UsageError
from jobctl.loadtest.result import Baseline, Result, read_baseline
from jobctl.measure.runlog import Interval, RunLog, figures_of
from jobctl.measure.thresholds import judge_all, parse_thresholds

INTERVAL = Interval(from_ms=0, to_ms=20_000)


def result_of(
    rate: int, *limits: str, late_ms: float = 0.1, baseline: Baseline | None = None, sent: str = "20/s"
) -> Result:
    log = RunLog(generator_cpu=0.2)
    for at_s in range(20):
        for number in range(rate + at_s % 3):
            log.record("done", "a", 10.0 + number % 7)
            log.record("late", "", late_ms)
            log.second(at_s * 1000).completed += 1
            log.second(at_s * 1000).done.record(10.0 + number % 7)
            log.counts["completed"] += 1
    figures = figures_of(log, INTERVAL)
    return Result(
        scenario="throughput",
        setting={"broker": "embedded", "sent": sent},
        run="run",
        interval=INTERVAL,
        warmup_s=2,
        is_closed=False,
        log=log,
        figures=figures,
        fair=None,
        verdicts=judge_all(parse_thresholds(limits), figures),
        kills=0,
        baseline=baseline,
    )


def saved(result: Result, path: Path) -> Baseline:
    path.write_text(json.dumps(result.to_json()))
    return read_baseline(str(path))


def test_a_result_says_what_was_measured_and_what_was_missed() -> None:
    result = result_of(20, "throughput > 10/s", "done.p95 < 5ms")

    assert result.missed == 1
    assert "20.0 s measured, after 2 s of warm-up" in result.text()
    assert "MISSED  done.p95 < 5ms" in result.text()
    assert max(map(len, result.text().splitlines())) <= 80
    assert "warning" not in result.text()


def test_a_generator_that_is_behind_is_told() -> None:
    text = result_of(20, late_ms=40.0).text()

    assert "warning: the generator was 40ms behind its schedule (p95)" in text
    assert "hint: " in text


def test_the_same_again_is_noise_and_twice_as_much_is_better(tmp_path: Path) -> None:
    baseline = saved(result_of(20), tmp_path / "base.json")

    again = result_of(20, baseline=baseline).changes
    twice = result_of(40, baseline=baseline).changes

    assert {str(change.outcome) for change in again.values()} <= {"noise", "same"}
    assert twice["throughput"].outcome == "better"
    assert twice["throughput"].ratio == pytest.approx(1.95, abs=0.1)


def test_a_baseline_of_another_test_is_told(tmp_path: Path) -> None:
    baseline = saved(result_of(20), tmp_path / "base.json")

    assert "not the same test" not in result_of(20, baseline=baseline).text()
    text = result_of(40, baseline=baseline, sent="40/s").text()

    assert "warning: not the same test: sent was `20/s`, is `40/s`" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1}', '{"format": 1, "samples": {"done.p95": ["x"]}}'])
def test_what_is_no_result_is_no_baseline(tmp_path: Path, text: str) -> None:
    (tmp_path / "base.json").write_text(text)

    with pytest.raises(UsageError, match="is no result of a load test"):
        read_baseline(str(tmp_path / "base.json"))


def test_a_result_of_another_version_is_no_baseline(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text('{"format": 0, "samples": {}}')

    with pytest.raises(UsageError, match="another version"):
        read_baseline(str(tmp_path / "base.json"))
