"""`jobctl stats`, through the whole program."""

from __future__ import annotations

from typing import Any


def test_stats_of_a_day_by_job(jobctl: Any, work: Any) -> None:
    for number in range(3):
        jobctl("enqueue", "greet", "--name", f"n{number}")
    jobctl("enqueue", "boom", "--retries", "0")
    work()

    shown = jobctl("stats", "-o", "json").json

    today, days = shown["windows"]
    by_job = {row["job"]: row for row in days["jobs"]}
    assert by_job["greet"]["counts"] == {"complete": 3}
    assert by_job["boom"] | {} == {**by_job["boom"], "queue": "critical", "failure_ratio": 1.0, "counts": {"dead": 1}}
    assert by_job["greet"]["run_ms"]["count"] == by_job["greet"]["wait_ms"]["count"] == 3
    assert (today["days"], days["days"]) == (1, 14)
    assert set(shown["now"]) == {"critical", "default"}


def test_screen_fits_80_columns(jobctl: Any, work: Any) -> None:
    jobctl("enqueue", "greet", "--name", "Ada")
    jobctl("enqueue", "sync", "--id", "1")
    work()

    out = jobctl("stats", tty=True, NO_COLOR="1")

    assert max(map(len, out.lines)) <= 80
    assert out.lines[0] == "last minute"
    assert sum(line.startswith(("today, ", "14 days, since ")) for line in out.lines) == 2
    assert sum(" all " in line for line in out.lines) == 2


def test_wide_has_every_outcome_and_the_rates(jobctl: Any, work: Any) -> None:
    jobctl("enqueue", "greet", "--name", "Ada")
    work()

    out = jobctl("stats", "-o", "wide", "--days", "1")

    heading, row = (line.split() for line in out.lines[-2:])
    assert {"RETRY", "CANCELLED", "LOST", "INTERRUPTED", "DONE/MIN", "MAX"} <= set(heading)
    assert row[:3] == ["default", "greet", "1"]


def test_only_one_queue(jobctl: Any) -> None:
    assert list(jobctl("stats", "--queue", "critical", "-o", "json").json["now"]) == ["critical"]
    assert jobctl("stats", "--days", "1").stdout.count("no jobs") == 1

    out = jobctl("stats", "--queue", "critcal")

    assert out.exit_code == 2
    assert "did you mean `critical`?" in out.stderr
