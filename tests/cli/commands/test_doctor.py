"""`jobctl doctor`, through the whole program."""

from __future__ import annotations

from typing import Any

import redis as redis_py

from jobctl.broker.keys import QueueKeys


def test_sound_broker_exits_with_0(jobctl: Any) -> None:
    out = jobctl("doctor", tty=True, NO_COLOR="1")

    assert out.exit_code == 0, out.stdout
    assert out.lines[-1].endswith(": nothing found")
    assert max(map(len, out.lines)) <= 80


def test_finding_says_what_it_means_and_what_to_do(jobctl: Any, server: redis_py.Redis) -> None:
    jobctl("enqueue", "greet", "--name", "Ada")
    server.hset(QueueKeys("default").poison, "x", "")

    out = jobctl("doctor", tty=True, NO_COLOR="1")
    shown = jobctl("doctor", "-o", "json").json

    assert out.exit_code == 1
    assert out.lines[0] == "error[serving.nobody]: 1 job waits in queue `default`, and there is no worker"
    assert "  do: jobctl run" in out.lines
    assert out.lines[-1].endswith(": 1 error, 1 warning")
    assert [finding["code"] for finding in shown["findings"]] == ["serving.nobody", "queues.poison"]
    assert jobctl("doctor", "-o", "name").lines == ["serving.nobody", "queues.poison"]


def test_broker_that_does_not_answer_exits_with_4(offline: Any) -> None:
    out = offline("doctor", "-o", "json")

    assert out.exit_code == 4
    assert out.json["findings"][0]["code"] == "broker.unreachable"
