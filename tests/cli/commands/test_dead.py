"""`jobctl dead`, through the whole program."""

from __future__ import annotations

import shlex
from typing import Any


def test_the_command_it_gives_replays_them(jobctl: Any, work: Any) -> None:
    for number in range(3):
        jobctl("enqueue", "boom", "--retries", "0", "--id", str(number))
    work()

    (kind,) = jobctl("dead", "-o", "json").json
    shown = jobctl("dead", tty=True, NO_COLOR="1")

    assert (kind["count"], kind["job"], kind["error"], kind["message"]) == (3, "boom", "ValueError", "boom <n>")
    assert shown.lines[0] == "3 boom ValueError: boom <n>"
    assert shown.lines[1].startswith("  critical, last ")
    assert f"  replay: {kind['replay']}" in shown.lines
    program, *line = shlex.split(kind["replay"])
    assert program == "jobctl"
    assert jobctl(*line).exit_code == 0
    assert jobctl("dead").lines == ["no dead jobs"]


def test_a_sample_is_told_to_be_one(jobctl: Any, work: Any) -> None:
    for number in range(3):
        jobctl("enqueue", "boom", "--retries", "0", "--id", str(number))
    work()

    out = jobctl("dead", "--limit", "2")

    assert "note: a sample: the latest 2 of 3 dead jobs" in out.stderr
