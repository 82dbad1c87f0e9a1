from __future__ import annotations

import json

import pytest


def test_burst_does_what_is_due_and_ends(jobctl) -> None:
    key = jobctl("enqueue", "greet", "--name", "Ada", "-o", "name").lines[0]

    out = jobctl("run", "--burst")

    assert (out.exit_code, out.stdout) == (0, "")
    assert jobctl("inspect", key, "-o", "json").json["state"] == "complete"


def test_log_lines_are_json_where_nobody_looks(jobctl) -> None:
    out = jobctl("run", "--burst", "--concurrency", "4")

    started = json.loads(out.stderr.splitlines()[0])
    assert started["message"] == "worker started"
    assert started["concurrency"] == 4
    assert started["queues"] == {"critical": 6, "default": 3}


@pytest.mark.parametrize(("args", "tty"), [(("--log-format", "human"), False), ((), True)])
def test_log_lines_are_for_people_on_a_terminal(jobctl, args: tuple[str, ...], tty: bool) -> None:
    out = jobctl("run", "--burst", *args, tty=tty, NO_COLOR="1")

    assert " info    worker started           worker=" in out.stderr


def test_log_format_by_variable_and_level(jobctl) -> None:
    assert jobctl("run", "--burst", tty=True, JOBCTL_LOG_FORMAT="json").stderr.startswith('{"time": ')
    assert jobctl("run", "--burst", "--log-level", "error").stderr == ""


def test_only_the_queues_asked_for_are_served(jobctl) -> None:
    jobctl("enqueue", "boom", "--key", "critical")
    jobctl("enqueue", "greet", "--name", "Ada", "--key", "default")

    out = jobctl("run", "--burst", "--queues", "default")

    assert json.loads(out.stderr.splitlines()[0])["queues"] == {"default": 3}
    assert jobctl("inspect", "--state", "queued", "-o", "name").lines == ["critical"]


def test_weights_of_flags_and_variables(jobctl) -> None:
    def queues(*args: str, **variables: str) -> object:
        return json.loads(jobctl("run", "--burst", *args, **variables).stderr.splitlines()[0])["queues"]

    assert queues("--queues", "default=2,critical=5") == {"default": 2, "critical": 5}
    assert queues(JOBCTL_QUEUE_CRITICAL="9") == {"critical": 9, "default": 3}
    assert queues(ASYNQ_QUEUE_DEFAULT="1") == {"critical": 6, "default": 1}


def test_unknown_queue_is_a_usage_error(jobctl) -> None:
    out = jobctl("run", "--burst", "--queues", "defualt=2")

    assert out.exit_code == 2
    assert (
        out.stderr
        == "error[queue.unknown]: `--queues`: no queue `defualt` is declared\nhint: did you mean `default`?\n"
    )


def test_handler_that_cannot_be_imported_ends_it_before_it_begins(jobctl, project) -> None:
    (project / "cli_app.py").write_text("import no_such_module\n")

    out = jobctl("run", "--burst")

    assert out.exit_code == 3
    assert "error[" in out.stderr
    assert "no_such_module" in out.stderr
    assert "Traceback" not in out.stderr


def test_unreachable_broker_ends_it_with_4(offline) -> None:
    out = offline("run", "--burst")

    assert out.exit_code == 4
    assert "error[broker.unreachable]: no broker answers at redis://localhost:1" in out.stderr
