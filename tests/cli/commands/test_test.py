"""`jobctl test`: scenarios, fuzz, faults."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIO = """
spec: ../jobspecs
scenarios:
  - name: greeted at once
    given: [{enqueue: greet, as: g, payload: {name: ada}}]
    expect: [{at: 1s, jobs: {g: STATE}}]
"""


@pytest.fixture
def scenarios(project: Path) -> Path:
    folder = project / "scenarios"
    folder.mkdir()
    (folder / "greet.yaml").write_text(SCENARIO.replace("STATE", "complete"))
    return folder


def test_scenarios_that_pass(offline, scenarios: Path) -> None:
    by_path, by_name, by_default = (
        offline("test", "scenarios/greet.yaml"),
        offline("test", "scenarios", "scenarios/"),
        offline("test", "scenarios"),
    )

    for out in (by_path, by_name, by_default):
        assert (out.exit_code, out.stderr) == (0, "")
        assert out.lines[0].startswith("ok    scenarios/greet.yaml: greeted at once (")
        assert out.lines[1] == "1 scenario passed"


def test_a_scenario_that_fails(offline, scenarios: Path, tmp_path: Path) -> None:
    (scenarios / "greet.yaml").write_text(SCENARIO.replace("STATE", "dead"))

    out = offline("test", "scenarios/greet.yaml", "--junit", "report.xml")

    assert out.exit_code == 1
    assert out.lines[1:5] == ["      at 1s, line 6:", "        g: state", "          - dead", "          + complete"]
    assert out.lines[-1] == "1 of 1 scenario failed"
    assert 'failures="1"' in (tmp_path / "report.xml").read_text()
    [told] = offline("test", "scenarios/greet.yaml", "-o", "json").json
    assert (told["passed"], told["mismatches"][0]["got"]) == (False, "complete")


def test_what_cannot_be_run(offline, scenarios: Path) -> None:
    (scenarios / "greet.yaml").write_text(SCENARIO.replace("greet,", "great,"))

    broken = offline("test", "scenarios/greet.yaml")
    missing = offline("test", "elsewhere/x.yaml")
    neither = offline("test", "fuz")

    assert broken.exit_code == 3
    assert "error[scenario.invalid]: no job `great` is declared" in broken.stderr
    assert "--> scenarios/greet.yaml:5:1" in broken.stderr
    assert missing.exit_code == 3
    assert "there is no file or folder `elsewhere/x.yaml`" in missing.stderr
    assert neither.exit_code == 2
    assert "did you mean `fuzz`?" in neither.stderr


@pytest.mark.slow
def test_watch_runs_again_when_a_file_changes(scenarios: Path) -> None:
    command = [sys.executable, "-m", "jobctl_cli", "test", "scenarios/", "--watch"]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env) as process:
        try:
            assert process.stdout.readline().startswith("ok ")
            assert process.stdout.readline() == "1 scenario passed\n"

            (scenarios / "greet.yaml").write_text(SCENARIO.replace("STATE", "cancelled"))

            assert process.stdout.readline().startswith("FAIL ")
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130


def test_fuzz_finds_nothing_in_a_sound_handler(offline, project: Path) -> None:
    out = offline("test", "fuzz", "greet", "--examples", "20", "--seed", "1")

    assert (out.exit_code, out.stderr) == (0, "")
    assert out.stdout == "ok: 20 payloads, nothing breaks `greet` (20 complete)\n"


@pytest.mark.parametrize("command", ["fuzz", "faults"])
def test_without_hypothesis_it_says_what_to_install(offline, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr("jobctl_cli.testing_extra.find_spec", lambda name: None)

    out = offline("test", command, "greet")

    assert out.exit_code == 2
    assert "payloads are made by hypothesis, which is not installed\nhint: pip install 'jobctl[testing]'" in out.stderr


def test_fuzz_shows_the_plainest_payload_that_breaks_a_handler(offline, project: Path) -> None:
    (project / "picky_app.py").write_text(
        "async def halve(ctx, n, name):\n    if n > 40:\n        raise OverflowError(f'{n} is too much')\n"
    )
    (project / "picky.yaml").write_text(
        "version: 1\njobs:\n  halve: {handler: 'picky_app:halve', payload: {n: int, name: string}}\n"
    )

    out = offline("test", "fuzz", "halve", "--spec", "picky.yaml", "--seed", "1")
    allowed = offline("test", "fuzz", "halve", "--spec", "picky.yaml", "--seed", "1", "--allow", "ArithmeticError")
    data = offline("test", "fuzz", "halve", "--spec", "picky.yaml", "--seed", "1", "-o", "json").json

    assert out.exit_code == 1
    assert '  {"n": 41, "name": ""}' in out.lines
    assert "  OverflowError: 41 is too much" in out.lines
    assert out.lines[-1].endswith("; the same again with --seed 1")
    assert allowed.exit_code == 0
    assert (data["broken_by"], data["seed"]) == ({"n": 41, "name": ""}, 1)


def test_fuzz_of_a_job_that_is_not_declared(offline) -> None:
    out = offline("test", "fuzz", "gret")

    assert out.exit_code == 5
    assert "did you mean `greet`?" in out.stderr


@pytest.mark.slow
def test_faults_close_the_books(offline) -> None:
    out = offline(
        *("test", "faults", "greet", "--jobs", "20", "--payload", '{"name": "ada"}'),
        *("--kill", "1", "--cut", "1", "--drop-answer", "1", "--fail", "1", "-o", "json"),
    )

    assert (out.exit_code, out.stderr) == (0, "")
    assert out.json["sound"] is True
    assert out.json["fates"]["ok"] == 20
    assert out.json["done_twice"] >= 1
    assert out.json["outcomes"]["retry"] >= 20
    assert out.json["outcomes"]["complete"] == 20


def test_faults_that_cannot_be(offline) -> None:
    point, payload = (
        offline("test", "faults", "greet", "--kill-at", "middle"),
        offline("test", "faults", "greet", "--payload", "[1]"),
    )

    assert (point.exit_code, payload.exit_code) == (2, 2)
    assert "`--kill-at`: `middle` is none of start, end" in point.stderr
    assert "`--payload`: the payload must be a JSON object" in payload.stderr
