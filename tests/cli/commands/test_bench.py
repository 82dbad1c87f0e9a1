"""`jobctl bench`: what is refused before anything runs, one small run, and comparisons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobctl.bench.scenario import SCENARIOS
from jobctl_cli.commands.bench import SUMMARIES


def test_every_scenario_has_its_command() -> None:
    assert {name: scenario.summary for name, scenario in SCENARIOS.items()} == SUMMARIES


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("latency", "--jobs", "500"), "`--jobs` does not go with `jobctl bench latency`"),
        (("throughput", "--rate", "500"), "`--rate` does not go with `jobctl bench throughput`"),
        (("latncy",), "did you mean `latency`?"),
        (("--threshold", "lots == 0"), "did you mean `lost`?"),
        (("throughput", "--threshold", "done.p95 < 1s"), "this run does not measure `done`"),
        (("--threshold", "done{noop-low}.p95 < 1s"), "this run measures all jobs together"),
        (("--tolerance", "10%"), "`--tolerance` goes with `--baseline`"),
        (("--tolerance", "10", "--baseline", "x"), "write e.g. `10%`"),
        (("--baseline", "nowhere"), "`nowhere` cannot be read"),
        (("--spec", "jobspecs"), "both `--spec` and `--file`"),
        (("--against", "celery"), "`celery` is none of `saq`"),
        (("--spec", "jobspecs", "--file", "jobs.ndjson", "--against", "saq"), "`--against` goes with the shipped jobs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_is_refused_before_anything_runs(offline: Any, args: tuple[str, ...], said: str) -> None:
    out = offline("bench", *args)

    assert out.exit_code == 2
    assert said in out.stderr
    assert not Path("bench-report").exists()


def test_without_a_broker_that_answers_it_says_so(offline: Any) -> None:
    out = offline("bench", "--no-plots")

    assert out.exit_code == 4
    assert "no broker answers" in out.stderr


def test_jobs_of_the_callers_own_are_checked_before_anything_runs(offline: Any) -> None:
    own = ("bench", "--no-plots", "--spec", "jobspecs", "--file", "jobs.ndjson")

    Path("jobs.ndjson").write_text('{"job": "greet", "payload": {"name": 1}}')
    assert offline(*own).exit_code == 2
    Path("jobs.ndjson").write_text('{"job": "great", "payload": {}}')
    assert offline(*own).exit_code == 5
    Path("jobs.ndjson").write_text("")
    assert "has no jobs" in offline(*own).stderr


def test_thresholds_of_the_specs_count_where_the_scenario_measures_them(offline: Any) -> None:
    Path("jobspecs/limits.yaml").write_text("version: 1\nthresholds: ['lost == 0', 'done.p95 < 1s']\n")
    Path("jobs.ndjson").write_text('{"job": "boom", "payload": {}}')

    out = offline("bench", "throughput", "--no-plots", "--spec", "jobspecs", "--file", "jobs.ndjson")

    assert "`done.p95 < 1s` of the specs is left out: `bench throughput` does not measure it" in out.stderr
    assert "lost" not in out.stderr


def test_a_broker_with_jobs_is_refused(jobctl: Any) -> None:
    jobctl("enqueue", "greet", "--name", "Ada")

    out = jobctl("bench", "--no-plots")

    assert out.exit_code == 2
    assert "1 other job (" in out.stderr


def test_ctrl_c_before_anything_is_measured_says_so(offline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jobctl.bench.session.describe", lambda _: {})  # which would ask the broker
    monkeypatch.setattr("jobctl.bench.session.run_phase", interrupt)
    out = offline("bench", "--no-plots")

    assert out.exit_code == 130
    assert out.stderr == "interrupted before anything was measured: there is no report\n"
    assert out.stdout == ""
    assert not Path("bench-report").exists()


@pytest.mark.slow
def test_a_run_is_measured_judged_reported_and_compared(jobctl: Any, tmp_path: Path) -> None:
    run = ("bench", "throughput", "--jobs", "500", "--no-plots", "-o", "json", "--threshold", "lost == 0")

    good = jobctl(*run, "--repeats", "2", "--report", "first", "--threshold", "throughput > 1/s")
    bad = jobctl(
        *run, "--repeats", "1", "--report", "second", "--threshold", "throughput > 1000000000/s", "--junit", "junit.xml"
    )
    compared = jobctl("bench", "compare", "first", "second", "-o", "json")

    assert good.exit_code == 0, good.stderr
    assert len(good.json["figures"]["jobctl"]["throughput"]) == 2
    assert [one["kept"] for one in good.json["thresholds"]] == [True, True]
    assert (tmp_path / "first/report.html").exists()
    assert bad.exit_code == 6
    assert "1 of 2 thresholds missed" in bad.stderr
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text()
    assert compared.exit_code == 0
    assert compared.json["figures"]["throughput"]["ratio"] > 0
    assert "the setups differ: repeats" in compared.stderr


def test_worse_beyond_noise_misses_the_tolerance(offline: Any, tmp_path: Path) -> None:
    for name, throughput in (("fast", 1_000.0), ("slow", 500.0)):
        _write_report(tmp_path / f"{name}.json", [throughput, throughput * 1.01, throughput * 0.99])

    out = offline("bench", "compare", "fast.json", "slow.json", "--tolerance", "10%")

    assert out.exit_code == 6
    assert "`throughput` is worse by more than 10%, beyond noise" in out.stderr
    assert "0.500" in out.stdout
    assert offline("bench", "compare", "slow.json", "fast.json", "--tolerance", "10%").exit_code == 0
    assert offline("bench", "compare", "fast.json", "slow.json").exit_code == 0


def _write_report(path: Path, throughputs: list[float]) -> None:
    phase = {"kind": "backlog", "figures": {}}
    scenario = {"name": "throughput", "summary": "", "phases": [], "mix": []}
    repeats = [[{**phase, "figures": {"throughput": value}}] for value in throughputs]
    report = {
        "schema": 1,
        "scenario": scenario,
        "began_at": "2026-01-31T09:00:00+00:00",
        "command": "jobctl bench",
        "machine": {},
        "setup": {},
        "sides": [{"name": "jobctl", "version": "1", "repeats": repeats}],
    }
    path.write_text(json.dumps(report))
