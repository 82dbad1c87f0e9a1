"""The program and its ends: exit codes, debug, broken pipes, interruptions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobctl import __version__
from jobctl_cli import app, session
from jobctl_cli.environment import Environment
from jobctl_cli.progress import Progress


def test_version(offline) -> None:
    assert offline("--version").stdout == f"jobctl {__version__}\n"


def test_no_arguments_show_the_table_of_contents(offline) -> None:
    out = offline()

    assert out.exit_code == 0
    assert out.stdout == offline("--help").stdout
    assert out.stderr == ""


def test_bug_is_told_without_a_traceback(offline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "build", lambda: 1 / 0)

    out = offline("run")

    assert out.exit_code == 1
    assert out.stderr.splitlines() == [
        "error[internal]: ZeroDivisionError: division by zero",
        "hint: this is a bug of jobctl; `--debug` shows where it happened",
    ]


@pytest.mark.parametrize("place", [("--debug", "inspect", "nope"), ("inspect", "nope", "--debug")])
def test_debug_shows_the_traceback_wherever_it_stands(jobctl, place: tuple[str, ...]) -> None:
    out = jobctl(*place)

    assert out.exit_code == 5
    assert "Traceback (most recent call last)" in out.stderr
    assert "error[job.not-found]" in out.stderr


def test_debug_by_variable(jobctl) -> None:
    assert "Traceback" in jobctl("inspect", "nope", JOBCTL_DEBUG="1").stderr


def test_debug_behind_dashes_is_an_argument(jobctl) -> None:
    out = jobctl("inspect", "--", "--debug")

    assert out.exit_code == 5
    assert "no job `--debug`" in out.stderr
    assert "Traceback" not in out.stderr


def test_reader_that_goes_away_is_not_taken_for_the_broker(jobctl, project: Path, redis_url: str) -> None:
    jobs = "\n".join(['{"job": "boom"}'] * 5_000)
    assert jobctl("enqueue", "--file", "-", stdin=jobs).exit_code == 0
    line = f"{sys.executable} -m jobctl_cli inspect --limit 5000 -o name | head -1; echo ${{PIPESTATUS[0]}}"

    run = subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "REDIS_URL": redis_url},
    )

    assert run.stderr == ""
    assert run.stdout.split()[1] == "141"


def test_interruption_is_130_and_says_how_far_it_came(offline, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "build", interrupt)

    out = offline("run")

    assert (out.exit_code, out.stdout) == (130, "")
    assert re.fullmatch(r"interrupted after \d+m?s\n", out.stderr)


def test_interruption_of_a_long_work_says_what_was_done(offline, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(env: Environment, spec: str | None) -> None:
        Progress(env, "enqueued", 5_000).show(1_200)
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "find_plan", interrupt)

    out = offline("queues", "list")

    assert out.exit_code == 130
    assert out.stderr.endswith(": enqueued 1,200 of 5,000\n")


def test_quiet_says_nothing_but_data_and_errors(jobctl, offline) -> None:
    loud, quiet = jobctl("queues", "resume", "default"), jobctl("queues", "resume", "default", "--quiet")

    assert "was not paused" in loud.stderr
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, loud.stdout, "")
    assert offline("queues", "list", "--quiet").stderr.startswith("error[broker.unreachable]")


def test_reader_that_goes_away_is_met_with_silence(project: Path) -> None:
    line = f"{sys.executable} -m jobctl_cli --help | true; echo ${{PIPESTATUS[0]}}"

    run = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30, check=False)

    assert run.stderr == ""
    assert run.stdout.strip() in ("0", "141")  # 0 where all of it fits into the pipe before its reader leaves


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_no_fault_of_the_broker(project: Path, redis_url: str) -> None:
    for command in (["inspect"], ["spec", "schema"]):
        with Path("/dev/full").open("w") as full:
            run = subprocess.run(
                [sys.executable, "-m", "jobctl_cli", *command],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"REDIS_URL": redis_url},
                timeout=30,
                check=False,
            )

        told = "error[output.failed]: the output cannot be written: No space left on device\n"
        assert (run.returncode, run.stderr) == (1, told)


def test_a_place_that_cannot_be_written_to_is_no_bug(offline) -> None:
    out = offline("spec", "new", "/dev/null/x")

    assert (out.exit_code, out.stderr) == (1, "error[system]: `/dev/null/x`: Not a directory\n")


def test_write_to_a_closed_pipe_is_141(project: Path) -> None:
    read, write = os.pipe()
    os.close(read)

    run = subprocess.run(
        [sys.executable, "-m", "jobctl_cli", "--help"], stdout=write, stderr=subprocess.PIPE, timeout=30, check=False
    )

    os.close(write)
    assert (run.returncode, run.stderr) == (141, b"")


def test_variable_that_cannot_be_meant_is_a_usage_error(offline) -> None:
    out = offline("inspect", JOBCTL_CONCURRENCY="many")

    assert out.exit_code == 2
    assert out.stderr.startswith("error[env.invalid]: JOBCTL_CONCURRENCY is `many`\nhint: ")
