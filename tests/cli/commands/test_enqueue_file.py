from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def write(project: Path):
    def write_lines(*lines: dict[str, Any] | str) -> str:
        path = project / "jobs.ndjson"
        path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        return "jobs.ndjson"

    return write_lines


def test_jobs_of_a_file_are_enqueued(jobctl, write) -> None:
    file = write({"job": "greet", "payload": {"name": "Ada"}}, "", {"job": "boom", "in": "5m"}, {"job": "boom:now"})

    out = jobctl("enqueue", "--file", file)

    assert (out.exit_code, out.stderr) == (0, "")
    assert [line.split() for line in out.lines] == [
        ["TYPE", "QUEUE", "ENQUEUED"],
        ["boom:now", "critical", "2"],
        ["greet", "default", "1"],
        ["all", "3"],
    ]
    assert sorted(job["state"] for job in jobctl("inspect", "-o", "json").json) == ["queued", "queued", "scheduled"]


def test_keys_and_lines_for_programs(jobctl, write) -> None:
    file = write({"job": "boom", "key": "a"}, "", {"job": "boom", "key": "b"})

    assert jobctl("enqueue", "-f", file, "-o", "name").lines == ["a", "b"]
    again = jobctl("enqueue", "-f", file, "-o", "json")
    assert again.exit_code == 1
    assert [(refused["line"], refused["holder"]) for refused in again.json["refused"]] == [(1, "a"), (3, "b")]


def test_refused_lines_are_told_and_the_others_enqueued(jobctl, write) -> None:
    file = write({"job": "sync", "payload": {"id": 1}}, {"job": "sync", "payload": {"id": 1}}, {"job": "boom"})

    out = jobctl("enqueue", "-f", file)

    assert out.exit_code == 1
    assert out.stderr.startswith("warning[job.duplicate]: line 2: job `")
    assert out.lines[-1].split() == ["all", "2"]


def test_options_of_a_line(jobctl, write) -> None:
    line = {
        "job": "boom", "key": "k", "queue": "default", "at": "2090-01-01T00:00:00Z", "retries": 0, "timeout": "30s",
        "retention": "1h", "unique": True,
    }  # fmt: skip

    jobctl("enqueue", "-f", write(line))

    record = jobctl("inspect", "k", "-o", "json").json
    wanted = {"queue": "default", "due_at": "2090-01-01T00:00:00.000Z", "max_attempts": 1, "timeout_s": 30.0}
    assert {name: record[name] for name in wanted} == wanted


BAD = {
    "not json": "not JSON: Expecting value",
    "[1]": "not a JSON object",
    "{}": "`job` is missing",
    '{"job": 7}': "`job` is no text",
    '{"job": "gret"}': "no job `gret` is declared",
    '{"job": "boom", "payload": [1]}': "`payload` is no object",
    '{"job": "boom", "payload": {"id": "x"}}': "`id` must be a whole number",
    '{"job": "boom", "paylod": {}}': "a job has no `paylod`",
    '{"job": "boom", "in": 5}': "`in` is `5`, and not a duration such as `5m`",
    '{"job": "boom", "in": "5"}': "`5` is not a duration",
    '{"job": "boom", "at": "noon"}': "`noon` is not a time",
    '{"job": "boom", "retries": -1}': "retries is `-1`",
    '{"job": "boom", "queue": "slow"}': "no queue `slow` is declared",
    '{"job": "boom", "unique": 1}': "`unique` is neither true nor false",
    '{"job": "boom", "key": ""}': "cannot be a job's key",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_line_is_told_with_its_number_and_nothing_is_enqueued(jobctl, write, line: str) -> None:
    file = write({"job": "boom"}, line)

    out = jobctl("enqueue", "-f", file)

    assert (out.exit_code, out.stdout) == (2, "")
    assert BAD[line] in out.stderr
    assert " --> jobs.ndjson:2:" in out.stderr
    assert jobctl("inspect", "-o", "json").json == []


def test_all_bad_lines_are_told(jobctl, write) -> None:
    out = jobctl("enqueue", "-f", write(*BAD))

    assert out.stderr.count("error[") == len(BAD)
    assert out.stderr.endswith(f"\n\n{len(BAD)} bad lines; nothing was enqueued\n")


def test_so_many_bad_lines_that_nobody_reads_them(offline, write) -> None:
    out = offline("enqueue", "-f", write(*["{}"] * 25))

    assert out.stderr.count("error[") == 20
    assert out.stderr.endswith("... and 5 more lines\n\n25 bad lines; nothing was enqueued\n")


def test_secrets_of_a_bad_line_are_not_shown(offline, write) -> None:
    out = offline("enqueue", "-f", write({"job": "greet", "payload": {"token": "s3cret-token"}}))

    assert out.exit_code == 2
    assert "s3cret-token" not in out.stderr


def test_lines_from_stdin(jobctl) -> None:
    out = jobctl("enqueue", "--file", "-", stdin='{"job": "boom"}\n{"job": "boom"}\n')

    assert out.lines[1].split() == ["boom:now", "critical", "2"]


def test_file_that_cannot_be_read(offline) -> None:
    out = offline("enqueue", "-f", "nowhere.ndjson")

    assert out.exit_code == 2
    assert out.stderr.startswith("error[file.unreadable]: `nowhere.ndjson` cannot be read: No such file")


def test_file_and_job_exclude_each_other(offline) -> None:
    out = offline("enqueue", "-f", "jobs.ndjson", "boom")

    assert out.exit_code == 2
    assert "`--file` and a job exclude each other" in out.stderr


def test_broker_that_fails_is_told_with_what_was_done(offline, write) -> None:
    out = offline("enqueue", "-f", write({"job": "boom"}, {"job": "boom"}))

    assert out.exit_code == 4
    assert "hint: 0 jobs of 2 had been enqueued before; " in out.stderr


def test_progress_bar_only_on_a_terminal_and_after_a_second(jobctl, write, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(*[{"job": "boom"}] * 600)
    assert "━" not in jobctl("enqueue", "-f", file, tty=True).stderr

    monkeypatch.setattr("jobctl_cli.progress.AFTER_S", 0.0)
    monkeypatch.setattr("jobctl_cli.progress.EVERY_S", 0.0)

    assert "enqueued\x1b" not in jobctl("enqueue", "-f", file).stderr
    shown = jobctl("enqueue", "-f", file, tty=True).stderr
    assert "enqueued 500 of 600" in shown
    assert shown.endswith("\r\x1b[K")
