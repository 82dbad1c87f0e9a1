"""A secret that a handler quotes in its error and its log is hidden wherever a person sees it, as text and as data."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "hunter2 & \"more\" ünd 'all'"
SPEC = """\
version: 1
jobs:
  login:
    handler: cli_app:login
    retries: 0
    cron: "0 3 * * *"
    payload:
      user: {type: string, default: ada}
      password: {type: string, secret: true, default: short-by-default}
"""
HANDLER = """
async def login(ctx, user, password):
    ctx.log.error("trying %r", password, extra={"with": {"password": password}})
    raise PermissionError(f"{user} cannot log in: {password}")
"""


def is_hidden(text: str) -> bool:
    return "hunter2" not in text and "more" not in text and "by-default" not in text


@pytest.fixture
def dead(jobctl: Any, project: Path, work: Any) -> Any:
    """The program, with a dead job of the key `k` whose error quotes its password."""
    (project / "jobspecs/login.yaml").write_text(SPEC)
    with (project / "cli_app.py").open("a") as handlers:
        handlers.write(HANDLER)
    out = jobctl("enqueue", "login", "--password", PASSWORD, "--key", "k")
    assert out.exit_code == 0, out.stderr
    work()
    return jobctl


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml"])
@pytest.mark.parametrize(
    "command",
    ["inspect", "inspect k", "inspect k --full", "inspect 'error~***'", "dead", "top --once", "logs k", "wait k"],
)
def test_no_screen_shows_it(dead: Any, command: str, output: str) -> None:
    out = dead(*shlex.split(command), "-o", output, columns=300)

    assert "***" in out.stdout
    assert is_hidden(out.stdout + out.stderr)


def test_a_replay_chooses_them_by_what_is_shown(dead: Any) -> None:
    (kind,) = dead("dead", "-o", "json").json

    assert (kind["error"], kind["message"]) == ("PermissionError", "ada cannot log in: ***")
    assert dead(*shlex.split(kind["replay"])[1:]).exit_code == 0
    assert dead("dead").lines == ["no dead jobs"]


def test_it_cannot_be_found_by_its_value(dead: Any) -> None:
    assert dead("inspect", "error~hunter2", "-o", "name").lines == []


def test_schedules_tell_that_there_was_an_error(dead: Any, work: Any) -> None:
    assert dead("cron", "run", "login").exit_code == 0
    work()

    for command in (("cron", "history", "login"), ("cron", "list")):
        for output in ("table", "json"):
            assert is_hidden(dead(*command, "-o", output, columns=300).stdout)
    assert dead("cron", "history", "login", "-o", "json").json[0]["error"] == "***"


def test_whoever_asks_for_it_sees_it(dead: Any) -> None:
    assert "hunter2" in dead("inspect", "k", "--reveal").stdout
    assert "hunter2" in dead("logs", "k", "--reveal").stdout


def test_a_failure_whose_job_is_gone_is_told_without_its_error(dead: Any) -> None:
    assert dead("delete", "k", "--yes").exit_code == 0

    assert [line["error"] for line in dead("top", "--once", "-o", "json").json["failures"]] == ["***"]
