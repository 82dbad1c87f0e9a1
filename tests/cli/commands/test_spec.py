from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from jobctl.clock import FakeClock

BROKEN = """\
version: 1
jobs:
  greet:
    handler: cli_app:greet
    queue: mial
    timeout: 30
"""


@pytest.fixture
def broken(project: Path) -> Path:
    path = project / "jobspecs/broken.yaml"
    path.write_text(BROKEN)
    return path


def test_sound_specs_are_ok(offline) -> None:
    out = offline("spec", "check")

    assert (out.exit_code, out.stderr) == (0, "")
    assert out.stdout == "ok: 3 jobs, 2 queues, 1 schedule in 1 file\n"


def test_all_problems_stand_on_stderr_with_their_lines(offline, broken: Path, snapshot) -> None:
    out = offline("spec", "check")

    assert (out.exit_code, out.stdout) == (3, "")
    snapshot("spec-check-broken", out.stderr)


def test_problems_on_a_terminal_are_the_same_with_colours(offline, broken: Path) -> None:
    coloured = offline("spec", "check", tty=True).stderr

    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == offline("spec", "check").stderr


def test_problems_as_json(offline, broken: Path) -> None:
    out = offline("spec", "check", "-o", "json")

    assert (out.exit_code, out.stderr) == (3, "")
    assert out.json["ok"] is False
    queue = next(problem for problem in out.json["problems"] if problem["code"] == "spec.unknown-queue")
    assert (queue["file"], queue["line"], queue["column"]) == ("jobspecs/broken.yaml", 5, 12)
    duplicate = next(problem for problem in out.json["problems"] if problem["related"])
    assert {duplicate["file"], duplicate["related"][0]["file"]} == {"jobspecs/broken.yaml", "jobspecs/jobs.yaml"}


def test_handler_that_does_not_fit_its_payload_is_a_problem(offline, project: Path) -> None:
    (project / "cli_app.py").write_text(
        "async def greet(ctx): ...\nasync def boom(ctx, id): ...\ndef sync(ctx, id): ...\n"
    )

    out = offline("spec", "check")

    assert out.exit_code == 3
    assert "jobspecs/jobs.yaml:" in out.stderr
    assert "`name`" in out.stderr


def test_handler_that_cannot_be_imported_is_a_problem_unless_told_not_to_look(offline, project: Path) -> None:
    (project / "cli_app.py").unlink()

    assert offline("spec", "check").exit_code == 3
    assert offline("spec", "check", "--no-handlers").exit_code == 0


def test_path_can_be_named_or_set(offline, project: Path) -> None:
    (project / "one.yaml").write_text("version: 1\njobs: {greet: {handler: 'cli_app:sync'}}\n")

    assert offline("spec", "check", "one.yaml", "--no-handlers").stdout.startswith("ok: 1 job,")
    assert offline("spec", "check", "--no-handlers", JOBCTL_SPEC="one.yaml").stdout.startswith("ok: 1 job,")


def test_missing_path_is_one_error(offline) -> None:
    out = offline("spec", "check", "jobspec")

    assert out.exit_code == 3
    assert out.stderr.splitlines() == [
        "error[spec.not-found]: no file or folder `jobspec`",
        "hint: did you mean `jobspecs`?",
    ]


def test_plan(offline, snapshot) -> None:
    offline.clock = FakeClock()

    out = offline("spec", "plan", "--offline")

    assert out.exit_code == 0
    snapshot("spec-plan", re.sub(r"^plan [0-9a-f]{16},", "plan FINGERPRINT,", out.stdout))


def test_plan_has_saqs_own_numbers_and_next_times(offline) -> None:
    offline.clock = FakeClock()

    plan = offline("spec", "plan", "--offline", "--times", "2", "-o", "json").json

    assert [(queue["name"], queue["share"]) for queue in plan["queues"]] == [("critical", 0.6667), ("default", 0.3333)]
    assert {job["name"]: job["attempts"] for job in plan["registrations"]} == {"greet": 4, "boom": 2, "sync": 4}
    assert plan["schedules"][0]["next"] == ["2023-11-15T02:00:00+01:00", "2023-11-16T02:00:00+01:00"]


def test_plan_as_yaml_is_the_same_data(offline) -> None:
    offline.clock = FakeClock()

    found = yaml.safe_load(offline("spec", "plan", "--offline", "-o", "yaml").stdout)

    assert found == offline("spec", "plan", "--offline", "-o", "json").json


def test_secrets_in_the_payload_of_a_schedule_are_redacted(offline, project: Path) -> None:
    spec = project / "jobspecs/jobs.yaml"
    spec.write_text(
        spec.read_text()
        + """\
  hush:
    handler: cli_app:sync
    cron: {every: 1h, payload: {token: s3cret-token}}
    payload: {token: {type: string, secret: true}}
"""
    )

    for form in ("table", "json", "yaml"):
        out = offline("spec", "plan", "--offline", "-o", form)
        assert out.exit_code == 0, out.stderr
        assert "s3cret" not in out.stdout


def test_plan_names(offline) -> None:
    assert offline("spec", "plan", "--offline", "-o", "name").lines == ["greet", "boom", "sync"]


def test_weights_of_the_environment_count(offline) -> None:
    plan = offline("spec", "plan", "--offline", "-o", "json", JOBCTL_QUEUE_CRITICAL="1").json

    assert plan["queues"][0]["weight"] == 1


def test_plan_fits_80_columns_on_a_terminal(offline) -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", offline("spec", "plan", "--offline", tty=True).stdout)

    assert max(map(len, shown.splitlines())) <= 80


def warn(project: Path, jobs: str = "") -> None:
    """Take away what silences warnings."""
    path = project / "jobspecs/jobs.yaml"
    path.write_text(path.read_text().replace("lint:\n  ignore: [cron-dst, no-alert, unique-without-for]\n", "") + jobs)


def test_warnings_stand_on_stderr_and_are_no_failure(offline, project: Path, snapshot) -> None:
    warn(project)
    offline.clock = FakeClock()

    out = offline("spec", "check")

    assert (out.exit_code, out.stdout) == (0, "ok: 3 jobs, 2 queues, 1 schedule in 1 file, 3 warnings\n")
    snapshot("spec-check-warnings", out.stderr)


def test_strict_takes_warnings_for_problems(offline, project: Path) -> None:
    warn(project)

    out = offline("spec", "check", "--strict")

    assert (out.exit_code, out.stdout) == (3, "")
    assert "warning[lint.no-alert]" in out.stderr


def test_warnings_as_json(offline, project: Path) -> None:
    warn(project)

    found = offline("spec", "check", "-o", "json").json

    assert (found["ok"], found["problems"]) == (True, [])
    assert {one["code"] for one in found["warnings"]} == {
        "lint.cron-dst",
        "lint.no-alert",
        "lint.unique-without-for",
    }
    assert {one["severity"] for one in found["warnings"]} == {"warning"}


def test_problems_and_warnings_as_annotations_of_github(offline, project: Path, broken: Path) -> None:
    lines = offline("spec", "check", "-o", "github").lines
    broken.unlink()
    warn(project)
    warnings = offline("spec", "check", "-o", "github")

    assert any(
        line.startswith("::error file=jobspecs/broken.yaml,line=5,col=12,endColumn=16,title=spec.unknown-queue::job ")
        for line in lines
    )
    assert warnings.exit_code == 0
    assert all(line.startswith("::warning file=jobspecs/jobs.yaml,line=") for line in warnings.lines)
    assert all("%0Ahint: " in line for line in warnings.lines)
