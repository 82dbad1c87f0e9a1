"""`jobctl cron`: lists, times, history, pauses and runs by hand, through the whole program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_py

from jobctl.broker import keys
from jobctl.broker.connect import connect
from jobctl.compiler import load_plan
from jobctl.scheduler.registry import Registry


@pytest.fixture
def stored(jobctl: Any, redis_url: str, project: Any) -> Callable[[], None]:
    """Let a scheduler have had the specs' schedules."""

    def apply() -> None:
        import asyncio

        async def run() -> None:
            async with connect(redis_url) as client:
                await Registry(client).apply(load_plan(project / "jobspecs"))

        asyncio.run(run())

    apply()
    return apply


def test_next_needs_no_broker_and_tells_what_the_clock_does(offline: Any) -> None:
    out = offline("cron", "next", "boom", "--from", "2026-03-28", "--count", "3", columns=120)

    assert out.exit_code == 0, out.stderr
    assert out.lines == [
        "IN EUROPE/BERLIN               AS UTC                NOTE",
        "Sat 2026-03-28 02:00:00 +0100  2026-03-28T01:00:00Z",
        "Sun 2026-03-29 03:00:00 +0200  2026-03-29T01:00:00Z  "
        "the clock goes from 02:00 to 03:00; what lies between runs now",
        "Mon 2026-03-30 02:00:00 +0200  2026-03-30T00:00:00Z",
    ]


def test_next_says_which_of_two_times_runs(offline: Any) -> None:
    out = offline("cron", "next", "boom", "--from", "2026-10-25", "--count", "1", "-o", "json")

    assert out.json[0]["time"] == "2026-10-25T02:00:00+02:00"
    assert out.json[0]["note"] == "02:00 comes twice; this is the first"


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_times_beyond_the_calendar_are_refused(offline: Any, year: str) -> None:
    out = offline("cron", "next", "boom", "--from", f"{year}-12-31T23:59:58")

    assert out.exit_code == 2
    assert "the years 1971 to 9000 are good" in out.stderr


def test_backfill_leaves_ticks_to_come_to_the_scheduler(jobctl: Any, stored: Any) -> None:
    yesterday = datetime.fromtimestamp(time.time() - 86_400, UTC).date()

    out = jobctl("cron", "backfill", "boom", "--from", f"{yesterday}", "--to", "2999-01-01", "-o", "json")

    assert out.exit_code == 0
    assert "`--to` has not come yet" in out.stderr
    now = datetime.now(UTC).isoformat()
    assert out.json
    assert all(one["tick"] < now for one in out.json)


@pytest.mark.parametrize("command", ["next", "history", "run", "pause", "resume"])
def test_unknown_schedule_is_told_with_a_proposal(jobctl: Any, command: str) -> None:
    out = jobctl("cron", command, "bom")

    assert out.exit_code == 5
    assert "error[schedule.unknown]" in out.stderr
    assert "did you mean `boom`?" in out.stderr


def test_list_before_the_first_worker_shows_what_the_specs_declare(jobctl: Any) -> None:
    (row,) = jobctl("cron", "list", "-o", "json").json

    assert (row["id"], row["state"], row["last"], row["overdue_ms"]) == ("boom", "new", None, 0)


@pytest.mark.parametrize(
    "line", [("pause", "boom"), ("backfill", "boom", "--from", "2026-01-01", "--to", "2026-01-04")]
)
def test_schedule_no_scheduler_has_cannot_be_paused_or_filled(jobctl: Any, line: tuple[str, ...]) -> None:
    out = jobctl("cron", *line)

    assert out.exit_code == 5
    assert "no scheduler has had `boom` yet" in out.stderr


def test_pause_and_resume(jobctl: Any, stored: Any) -> None:
    assert jobctl("cron", "pause", "boom", "-o", "json").json[0]["state"] == "paused"
    assert "was paused already" in jobctl("cron", "pause", "boom").stderr
    assert jobctl("cron", "list", "-o", "json").json[0]["state"] == "paused"
    stored()  # a restart changes nothing
    assert jobctl("cron", "list", "-o", "json").json[0]["state"] == "paused"
    assert jobctl("cron", "resume", "boom", "-o", "json").json[0]["state"] == "active"
    assert "was not paused" in jobctl("cron", "resume", "boom").stderr


def test_run_now_is_seen_in_the_history_with_its_outcome(jobctl: Any, stored: Any, work: Any) -> None:
    out = jobctl("cron", "run", "boom", "-o", "name")
    key = out.stdout.strip()
    assert jobctl("cron", "history", "boom", "-o", "json").json[0]["outcome"] is None

    work()
    (run,) = jobctl("cron", "history", "boom", "-o", "json").json

    assert (run["key"], run["how"]) == (key, "hand")
    assert jobctl("inspect", key, "-o", "json").json["schedule"] == "boom"


def test_backfill_shows_then_runs_each_tick_once(jobctl: Any, stored: Any, server: redis_py.Redis) -> None:
    line = ("cron", "backfill", "boom", "--from", "2026-01-01", "--to", "2026-01-04")
    dry = jobctl(*line, "--dry-run", "-o", "name")
    assert dry.lines == [f"2026-01-0{day}T02:00:00+01:00" for day in (1, 2, 3)]
    assert "a dry run; 3 ticks" in dry.stderr
    assert not server.exists(keys.QueueKeys("critical").queued)

    first, second, forced = jobctl(*line, "-o", "name"), jobctl(*line), jobctl(*line, "--force", "-o", "name")

    assert len(first.lines) == 3
    assert (second.exit_code, second.stdout) == (0, "")
    assert "3 ticks left out: it has run; `--force` runs it once more" in second.stderr
    assert len(forced.lines) == 3
    assert server.llen(keys.QueueKeys("critical").queued) == 6


def test_what_is_done_to_schedules_by_hand_is_noted(jobctl: Any, stored: Any) -> None:
    line = ("cron", "backfill", "boom", "--from", "2026-01-01", "--to", "2026-01-04")
    jobctl("cron", "pause", "boom")
    jobctl("cron", "pause", "boom")
    jobctl("cron", "run", "boom")
    jobctl(*line, "--dry-run")
    jobctl(*line)
    jobctl(*line)  # nothing is left to be run

    entries = jobctl("audit", "--action", "schedule", "--target", "boom", "-o", "json").json

    assert [(entry["action"], entry["count"]) for entry in entries] == [
        ("schedule.backfill", 3),
        ("schedule.run", 1),
        ("schedule.pause", 1),
    ]
    assert entries[0]["detail"] == {"first": "2026-01-01T02:00:00+01:00", "last": "2026-01-03T02:00:00+01:00"}


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((), "needs `--from`"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "ends before it starts"),
        (("--from", "yesterday"), "`yesterday` is not a time"),
        (("--from", "1990-01-01"), "more than 10,000 ticks"),
        (("--from", "0001-01-01"), "the years 1971 to 9000 are good"),
        (("--from", "2999-01-01"), "`--from` has not come yet"),
    ],
)
def test_backfill_refuses_what_cannot_be(jobctl: Any, args: tuple[str, ...], text: str) -> None:
    out = jobctl("cron", "backfill", "boom", *args)

    assert out.exit_code == 2
    assert text in out.stderr


def test_overdue_schedule_is_warned_of_in_list_and_top(jobctl: Any, stored: Any, server: redis_py.Redis) -> None:
    server.hset(keys.schedule("boom"), "last_ms", int((time.time() - 3 * 86_400) * 1000))

    out = jobctl("cron", "list", columns=140)

    assert "overdue" in out.stdout
    assert "warning[schedule.overdue]: `boom` should have run" in out.stderr
    assert jobctl("top", "--once", "-o", "json").json["overdue"] == ["boom"]
    assert "overdue: boom" in jobctl("top", "--once").stdout


def test_removed_schedule_is_listed_with_its_history(
    jobctl: Any, stored: Any, server: redis_py.Redis, project: Any
) -> None:
    spec = project / "jobspecs/jobs.yaml"
    spec.write_text(
        "".join(line for line in spec.read_text().splitlines(True) if "cron:" not in line and "zone" not in line)
    )
    assert jobctl("cron", "list", "-o", "json").json[0]["state"] == "active"  # some worker may have it still

    server.zadd(keys.SCHEDULES, {"boom": int((time.time() - 100) * 1000)})
    assert jobctl("cron", "list", "-o", "json").json[0]["state"] == "orphaned"
    stored()

    assert jobctl("cron", "list", "-o", "json").json[0]["state"] == "removed"
    assert jobctl("cron", "history", "boom").exit_code == 0


def test_list_fits_a_small_screen_with_its_times_whole(jobctl: Any, stored: Any, server: redis_py.Redis) -> None:
    jobctl("cron", "run", "boom")

    out = jobctl("cron", "list", tty=True, columns=80, NO_COLOR="1")
    wide = jobctl("cron", "list", "-o", "wide", tty=True, columns=80, NO_COLOR="1")

    heading, line = out.lines
    assert heading.split() == ["SCHEDULE", "CRON", "STATE", "NEXT", "LAST", "OUTCOME", "DRIFT"]
    assert max(map(len, out.lines)) <= 80
    assert "\u2026" not in line
    assert "TIMEZONE" in wide.stdout


def test_schedule_nobody_has_is_forgotten_when_asked(jobctl: Any, stored: Any, server: redis_py.Redis) -> None:
    old = "left/one"
    definition = {**json.loads(server.hget(keys.schedule("boom"), "definition")), "job": "left", "type": "left"}  # type: ignore[arg-type]
    server.hset(keys.schedule(old), mapping={"definition": json.dumps(definition), "last_ms": 1, "paused_ms": 1})
    server.hset(keys.SCHEDULES_RENAMED, "older", old)
    server.zadd(keys.SCHEDULES, {old: time.time() * 1000})

    for name in (old, "boom"):
        refused = jobctl("cron", "forget", name)
        assert (refused.exit_code, "error[schedule.in-use]" in refused.stderr) == (1, True)
    server.zadd(keys.SCHEDULES, {old: (time.time() - 100) * 1000})
    done = jobctl("cron", "forget", old, "-o", "name")

    assert (done.exit_code, done.lines) == (0, [old])
    assert [row["id"] for row in jobctl("cron", "list", "-o", "json").json] == ["boom"]
    assert not server.exists(keys.schedule(old), keys.SCHEDULES_RENAMED)
    assert jobctl("cron", "forget", old).exit_code == 5
    assert jobctl("audit", "--action", "schedule", "-o", "json").json[0]["action"] == "schedule.forget"
