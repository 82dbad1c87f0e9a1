"""`jobctl logs`: the lines a job wrote."""

from __future__ import annotations

import json

import pytest

HANDLERS = """\
import logging

async def greet(ctx, name, times, kind, token=None):
    ctx.log.info("greeting \x1b[31m%s", name, extra={"times": times})
    logging.getLogger("post").warning("stamps are out")

async def boom(ctx, id):
    raise ValueError(f"boom {id}")

def sync(ctx, id):
    return id
"""


@pytest.fixture
def key(project, jobctl, work) -> str:
    (project / "cli_app.py").write_text(HANDLERS)
    key = jobctl("enqueue", "greet", "--name", "Ada", "-o", "name").lines[0]
    assert jobctl("run", "--burst").exit_code == 0
    return str(key)


def test_lines_for_people(jobctl, key: str) -> None:
    out = jobctl("logs", key)

    assert (out.exit_code, out.stderr) == (0, "")
    assert [line.split("  ", 1)[0].split(" ", 2)[2] for line in out.lines] == ["info", "warning #1 stamps are out"]
    assert out.lines[0].endswith(" #1 greeting \\x1b[31mAda  times=1")


def test_lines_as_data(jobctl, key: str) -> None:
    first, second = jobctl("logs", key, "-o", "json").json

    assert first.pop("at")
    assert first == {
        "level": "info",
        "logger": "jobctl.handler",
        "attempt": 1,
        "message": "greeting \x1b[31mAda",
        "facts": {"times": 1},
        "traceback": None,
    }
    assert second["logger"] == "post"
    assert jobctl("logs", key, "-o", "name").lines[1] == "stamps are out"
    assert jobctl("logs", key, "--attempt", "2", "-o", "json").json == []


def test_following_an_ended_job_shows_its_lines_and_ends(jobctl, key: str) -> None:
    out = jobctl("logs", key, "--follow", "-o", "json")

    assert out.exit_code == 0
    assert [json.loads(line)["message"] for line in out.lines] == ["greeting \x1b[31mAda", "stamps are out"]


def test_a_job_without_lines_says_so(jobctl) -> None:
    key = jobctl("enqueue", "greet", "--name", "Ada", "-o", "name").lines[0]

    out = jobctl("logs", key)

    assert (out.exit_code, out.stdout) == (0, "")
    assert out.stderr.startswith("note: no lines; ")


def test_unknown_job(jobctl) -> None:
    out = jobctl("logs", "nope")

    assert out.exit_code == 5
    assert "error[job.not-found]" in out.stderr


def test_lines_of_the_worker_s_own_log_say_whose_they_are(project, jobctl) -> None:
    (project / "cli_app.py").write_text(HANDLERS)
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "k")

    lines = [json.loads(line) for line in jobctl("run", "--burst").stderr.splitlines()]

    (found,) = [line for line in lines if line["logger"] == "post"]
    assert {name: found[name] for name in ("job", "key", "type", "queue", "attempt")} == {
        "job": "greet", "key": "k", "type": "greet", "queue": "default", "attempt": 1
    }  # fmt: skip
