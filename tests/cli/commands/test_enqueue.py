from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from jobctl.clock import FakeClock


def test_job_is_stored_and_told(jobctl) -> None:
    out = jobctl("enqueue", "greet", "--name", "Ada")

    assert (out.exit_code, out.stderr) == (0, "")
    heading, row = (line.split() for line in out.lines)
    assert heading == ["KEY", "JOB", "QUEUE", "DUE"]
    assert row[1:] == ["greet", "default", "now"]
    assert jobctl("inspect", row[0], "-o", "json").json["payload"] == {"name": "Ada", "times": 1, "kind": "warm"}


def test_every_form_of_output(jobctl) -> None:
    as_json = jobctl("enqueue", "greet", "--name", "Ada", "-o", "json").json
    as_yaml = yaml.safe_load(jobctl("enqueue", "greet", "--name", "Ada", "-o", "yaml").stdout)
    as_name = jobctl("enqueue", "greet", "--name", "Ada", "-o", "name").lines

    assert as_json | {"key": ""} == as_yaml | {"key": ""}
    assert as_json["type"] == "greet"
    assert [len(as_name), len(as_name[0])] == [1, 24]


def test_job_by_its_type(jobctl) -> None:
    assert jobctl("enqueue", "boom:now", "-o", "json").json["job"] == "boom"


def test_options(jobctl) -> None:
    key = jobctl(
        "enqueue", "boom", "--id", "7", "--queue", "default", "--retries", "0", "--timeout", "30s",
        "--retention", "1h", "--key", "mine", "-o", "name",
    ).lines[0]  # fmt: skip

    record = jobctl("inspect", key, "-o", "json").json
    wanted = {"key": "mine", "queue": "default", "max_attempts": 1, "timeout_s": 30.0, "retention_s": 3600.0}
    assert {name: record[name] for name in wanted} == wanted


def test_delay_and_time(jobctl) -> None:
    assert jobctl("enqueue", "boom", "--in", "5m").lines[1].endswith("in 5m")
    out = jobctl("enqueue", "boom", "--at", "2090-01-31T09:00:00+01:00", "-o", "json")
    assert out.json["due_at"] == "2090-01-31T08:00:00.000Z"
    assert {job["state"] for job in jobctl("inspect", "-o", "json").json} == {"scheduled"}


def test_delay_and_time_exclude_each_other(offline) -> None:
    out = offline("enqueue", "boom", "--in", "5m", "--at", "2090-01-31")

    assert out.exit_code == 2
    assert out.stderr.startswith("error[usage]: `--in` and `--at` exclude each other\nhint: ")


def test_whole_payload_as_json_with_flags_over_it(jobctl) -> None:
    payload = json.dumps({"name": "Ada", "times": 2})

    key = jobctl("enqueue", "greet", "--json", payload, "--times", "3", "-o", "name").lines[0]

    assert jobctl("inspect", key, "-o", "json").json["payload"] == {"name": "Ada", "times": 3, "kind": "warm"}


def test_whole_payload_from_stdin(jobctl) -> None:
    out = jobctl("enqueue", "greet", "--json", "-", "-o", "name", stdin='{"name": "Ada"}')

    assert jobctl("inspect", out.lines[0], "-o", "json").json["payload"]["name"] == "Ada"


@pytest.mark.parametrize(("text", "message"), [("{", "is not JSON: "), ("[1]", "is not an object")])
def test_json_that_is_no_payload(offline, text: str, message: str) -> None:
    out = offline("enqueue", "greet", "--json", text)

    assert out.exit_code == 2
    assert out.stderr.startswith(f"error[usage.value]: `--json` {message}")


def test_all_wrong_and_missing_flags_at_once(offline) -> None:
    out = offline("enqueue", "greet", "--times", "many", "--kind", "hot")

    assert out.exit_code == 2
    header, *problems, hint = out.stderr.splitlines()
    assert header == "error[payload.invalid]: payload of `greet` is not valid"
    assert [problem.split()[0] for problem in problems] == ["`--name`", "`--times`", "`--kind`"]
    assert hint == "hint: `jobctl enqueue greet --help` lists the flags"


def test_bounds_are_told_by_the_flag(offline) -> None:
    out = offline("enqueue", "greet", "--name", "Ada", "--times", "9")

    assert out.exit_code == 2
    assert "`--times`" in out.stderr


def test_secret_is_never_quoted(jobctl) -> None:
    out = jobctl("enqueue", "greet", "--json", '{"name": "Ada", "token": 12345678}')

    assert out.exit_code == 2
    assert "12345678" not in out.stderr + out.stdout


def test_misspelt_job_is_not_found(offline) -> None:
    out = offline("enqueue", "gret", "--name", "Ada")

    assert out.exit_code == 5
    assert out.stderr == "error[job.unknown]: no job `gret` is declared\nhint: did you mean `greet`?\n"


def test_misspelt_flag(offline) -> None:
    out = offline("enqueue", "greet", "--nane", "Ada")

    assert out.exit_code == 2
    assert "`jobctl enqueue greet` has no option `--nane`\nhint: did you mean `--name`?" in out.stderr


def test_unknown_queue(offline) -> None:
    out = offline("enqueue", "boom", "--queue", "defualt")

    assert out.exit_code == 2
    assert "hint: did you mean `default`?" in out.stderr


def test_neither_job_nor_file(offline) -> None:
    out = offline("enqueue")

    assert out.exit_code == 2
    assert "needs a job, or `--file`" in out.stderr


def test_unreachable_broker_is_told_with_its_address(offline) -> None:
    out = offline("enqueue", "boom")

    assert (out.exit_code, out.stdout) == (4, "")
    assert out.stderr.startswith("error[broker.unreachable]: no broker answers at redis://localhost:1: ")
    assert "\nhint: " in out.stderr


def test_password_of_the_broker_is_not_shown(offline) -> None:
    out = offline("enqueue", "boom", REDIS_URL="redis://:hunter22@localhost:1")

    assert "hunter22" not in out.stderr


def test_second_job_with_a_lock_is_told_who_holds_it(jobctl) -> None:
    first = jobctl("enqueue", "sync", "--id", "1", "-o", "name").lines[0]

    out = jobctl("enqueue", "sync", "--id", "1")

    assert out.exit_code == 1
    assert out.stderr.startswith(f"error[job.duplicate]: job `{first}` in queue `default` holds the unique lock")
    assert jobctl("enqueue", "sync", "--id", "1", "--no-unique").exit_code == 0
    assert jobctl("enqueue", "sync", "--id", "2").exit_code == 0


def test_broken_specs_are_told_in_full(offline, project: Path) -> None:
    (project / "jobspecs/jobs.yaml").write_text("version: 1\njobs: {greet: {handler: 'a:b', qeue: x}}\n")

    out = offline("enqueue", "greet")

    assert out.exit_code == 3
    assert "did you mean `queue`?" in out.stderr


def test_embedded_broker_of_the_folder_is_used_where_none_is_configured(project: Path, jobctl) -> None:
    jobctl.variables = {}

    key = jobctl("enqueue", "boom", "-o", "name").lines[0]

    assert jobctl("inspect", "-o", "name").lines == [key]
    assert (project / ".jobctl").is_dir()


def test_due_time_goes_by_the_given_clock(jobctl) -> None:
    jobctl.clock = FakeClock()

    assert jobctl("enqueue", "boom", "--at", "2023-11-14T22:18:20Z").lines[1].endswith(("in 5m", "now"))
