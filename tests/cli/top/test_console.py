from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobctl.broker.keys import QueueKeys, order_for

TABS = ("Queues", "Jobs", "Workers", "Schedules", "Dead", "Errors")

LOGIN = """\
version: 1
jobs:
  login: {handler: "cli_app:login", retries: 0, payload: {password: {type: string, secret: true}}}
"""


@pytest.fixture
def shop(jobctl, work) -> None:
    """Two dead jobs, one complete, one waiting."""
    for key in ("dies-1", "dies-2"):
        jobctl("enqueue", "boom", "--id", "7", "--retries", "0", "--key", key)
    jobctl("enqueue", "greet", "--name", "Ada", "--token", "hush", "--key", "greeted")
    work()
    jobctl("enqueue", "sync", "--id", "1", "--key", "waits")


def is_open(top: Any, title: str) -> bool:
    return top.app.tab.title == title


async def test_every_tab_shows_what_is_there(shop: None, console) -> None:
    expected = {
        "1": ("critical", "67%", "default"),
        "2": ("waits", "greeted", "dies-1"),
        "3": ("no worker runs",),
        "4": ("boom", "0 2 * * *"),
        "5": ("dies-1", "dies-2", "ValueError: boom 7"),
        "6": ("2", "ValueError: boom 7", "dead"),
    }
    async with console() as top:
        for key, texts in expected.items():
            await top.press(key)
            await top.shows(*texts)


async def test_every_tab_fits_any_terminal(shop: None, console) -> None:
    async with console() as top:
        for columns, lines in ((80, 24), (40, 10), (200, 60)):
            await top.resize(columns, lines)
            for key, tab in zip("123456", TABS, strict=True):
                await top.press(key)
                await top.until(partial(is_open, top, tab), tab)
                assert len(top.lines) == lines
                assert max(map(len, top.lines)) <= columns
            await top.press("question_mark")
            await top.shows("Errors")
            assert max(map(len, top.lines)) <= columns
            await top.press("escape")


async def test_a_terminal_that_changes_its_size_is_filled_anew(shop: None, console) -> None:
    async with console() as top:
        await top.shows("OLDEST")
        assert "FAILS/S" not in top.text

        await top.resize(140, 30)
        await top.shows("FAILS/S", "STARTS")
        await top.resize(60, 12)
        await top.hides("FAILS/S")

        assert "? help" in top.lines[11]


async def test_enter_leads_from_a_queue_to_its_jobs_to_one_job_and_escape_back(shop: None, console) -> None:
    async with console() as top:
        await top.press("enter")
        await top.shows("queue critical", "dies-1")
        assert "greeted" not in top.text

        await top.press("enter")
        await top.shows("job dies-", "attempts   1 of 1", 'payload    {"id": 7}')
        await top.press("escape")
        await top.shows("queue critical")
        await top.press("escape")
        await top.shows("greeted")


async def test_secrets_are_not_shown(shop: None, console) -> None:
    async with console() as top:
        await top.press("2")
        await top.type("greeted")
        await top.hides("dies-1")
        await top.press("enter")
        await top.shows("payload", "Ada")

        assert "hush" not in top.text


@pytest.fixture
def quoted(project: Path, jobctl: Any, work: Any) -> None:
    """A dead job whose error quotes its password."""
    (project / "jobspecs/login.yaml").write_text(LOGIN)
    with (project / "cli_app.py").open("a") as handlers:
        handlers.write("\nasync def login(ctx, password):\n    raise ValueError('no: ' + password)\n")
    jobctl("enqueue", "login", "--password", "hunter2", "--key", "k")
    work()


async def test_secrets_that_errors_quote_are_not_shown(quoted: None, console) -> None:
    async with console() as top:
        for tab in ("Dead", "Errors"):
            await top.press(str(TABS.index(tab) + 1))
            await top.shows("login", "ValueError: no: ***")
            assert "hunter2" not in top.text
        await top.press("enter")
        await top.shows("job k", "attempt 1", "ValueError: no: ***")
        assert "hunter2" not in top.text


async def test_an_error_is_read_in_full_below_the_rows(shop: None, console) -> None:
    async with console() as top:
        await top.press("5")
        await top.shows("dies-1")
        await top.until(lambda: top.lines[-3].startswith("ValueError: boom 7"), "the error of the row")

        await top.resize(80, 15)
        await top.until(lambda: not top.lines[-3].startswith("ValueError"), "rows in its place")


async def test_a_number_goes_to_its_tab_from_a_page_too(shop: None, console) -> None:
    async with console() as top:
        await top.press("5", "enter")
        await top.shows("job dies-")

        await top.press("4")

        await top.shows("0 2 * * *")
        await top.hides("job dies-")


async def test_a_queue_is_paused_after_a_yes_and_only_then(shop: None, console, server) -> None:
    async with console() as top:
        await top.press("p")
        await top.shows("Pause queue critical?")
        await top.press("n")
        await top.hides("Pause queue critical?")
        assert not server.exists(QueueKeys("critical").paused)

        await top.press("p", "y")
        await top.shows("queue critical is paused", "(pau")
        assert server.exists(QueueKeys("critical").paused)

        await top.press("p")
        await top.shows("Resume queue critical?")
        await top.press("y")
        await top.until(lambda: not server.exists(QueueKeys("critical").paused), "a queue that goes on")


async def test_marked_jobs_are_replayed_together(shop: None, console, jobctl) -> None:
    async with console() as top:
        await top.press("5")
        await top.shows("dies-1", "dies-2")
        await top.press("a", "r")
        await top.shows("Replay 2 jobs?")
        await top.press("y")
        await top.shows("2 jobs replayed", "no dead jobs")


async def test_what_cannot_be_done_is_not_asked(shop: None, console) -> None:
    async with console() as top:
        await top.press("2")
        await top.type("waits")
        await top.hides("greeted")
        await top.press("r")
        await top.press("question_mark")
        await top.shows("Everywhere")

        assert "Replay" not in top.text


async def test_a_waiting_job_is_cancelled_and_an_ended_one_deleted(shop: None, console) -> None:
    async with console() as top:
        await top.press("2", "enter")
        await top.shows("job waits")
        await top.press("c")
        await top.shows("Cancel job waits?")
        await top.press("y")
        await top.shows("cancelled", "ended")
        await top.press("x", "y")
        await top.shows("this job is gone")


async def test_read_only_refuses_and_does_not_offer(shop: None, console, server) -> None:
    async with console(read_only=True, where="prod") as top:
        await top.shows("prod read-only", "critical")
        assert "pause" not in top.text

        await top.press("p", "y")
        await top.press("question_mark")
        await top.shows("Everywhere")

        assert "Pause" not in top.text
        assert not server.exists(QueueKeys("critical").paused)


async def test_a_filter_is_taken_by_the_broker_and_words_by_the_page(shop: None, console) -> None:
    async with console() as top:
        await top.press("2")
        await top.type("state=dead and key=dies-2")
        await top.shows("/state=dead and key=dies-2")
        await top.hides("greeted", "dies-1")
        await top.press("escape")
        await top.shows("greeted")
        await top.type("boom dies-1")
        await top.hides("greeted", "dies-2")
        await top.type("nothing like it")
        await top.shows("nothing matches")


async def test_a_filter_that_cannot_be_read_is_told_and_can_be_mended(shop: None, console) -> None:
    async with console(columns=120) as top:
        await top.press("2")
        await top.type("stat=dead")
        await top.shows("no field `stat`", "did you mean")
        await top.press("home", *["delete"] * 4, "s", "t", "a", "t", "e", "enter")
        await top.shows("/state=dead")
        await top.hides("greeted")


async def test_states_are_gone_through(shop: None, console) -> None:
    async with console() as top:
        await top.press("2", "s", "s")
        await top.shows("state queued", "waits")
        await top.hides("greeted")


async def test_pages_go_on_and_back(jobctl, console) -> None:
    jobs = "\n".join(json.dumps({"job": "boom", "payload": {"id": n}, "key": f"job-{n:02}"}) for n in range(60))
    assert jobctl("enqueue", "--file", "-", stdin=jobs).exit_code == 0
    async with console() as top:
        await top.press("2")
        await top.shows("job-00", "] for more")
        await top.press("right_square_bracket")
        await top.shows("page 2", "job-20")
        await top.press("left_square_bracket")
        await top.shows("job-00")


async def test_the_mouse_chooses_tabs_and_rows(shop: None, console) -> None:
    async with console() as top:
        await top.click("5 Dead")
        await top.shows("dies-1", "dies-2")
        await top.click("dies-1", times=2)
        await top.shows("job dies-1")


async def test_schedules_are_paused_run_and_told_of(shop: None, console, jobctl) -> None:
    async with console() as top:
        await top.press("4", "t")
        await top.shows("Run schedule boom now?")
        await top.press("y")
        await top.shows("schedule boom runs as job")
        await top.press("enter")
        await top.shows("schedule boom", "hand")


async def test_slots_held_past_their_timeout_are_told_of(console, server) -> None:
    now_ms = int(time.time() * 1000)
    running = [{"key": "r1", "type": "sync", "ran_ms": 90_000, "overdue": True}, {"key": "r2", "type": "sync"}]
    report = {"id": "w1", "host": "box", "pid": 7, "started_ms": now_ms, "concurrency": 4, "active": 2}
    server.set("jobctl:worker:w1", json.dumps({**report, "running": running}))
    server.zadd("jobctl:workers", {"w1": now_ms + 60_000})
    async with console() as top:
        await top.shows("1 slot held past timeout on box:7")
        await top.press("3", "enter")
        await top.shows("worker box:7", "past its timeout, holds its slot")


async def test_workers_are_told_to_be_quiet_and_to_stop(console, server) -> None:
    report = {"id": "w1", "host": "box", "pid": 7, "started_ms": int(time.time() * 1000), "concurrency": 4}
    server.set("jobctl:worker:w1", json.dumps(report))
    server.zadd("jobctl:workers", {"w1": (time.time() + 60) * 1000})
    async with console() as top:
        await top.press("3")
        await top.shows("box:7")
        await top.press("u")
        await top.shows("Quiet box:7?")
        await top.press("y")
        await top.shows("box:7 will claim no more jobs")
        assert server.get(order_for("w1")).endswith(b" quiet")

        await top.press("S")
        await top.shows("Stop box:7?")
        await top.press("y")
        await top.until(lambda: server.get(order_for("w1")).endswith(b" stop"), "an order to stop")


async def test_a_held_picture_stands_still(shop: None, console, jobctl, server) -> None:
    async with console() as top:
        await top.shows("critical")
        await top.press("z")
        await top.shows("held")
        before = server.info("commandstats")["cmdstat_time"]["calls"]
        await top.press("down", "up")
        assert server.info("commandstats")["cmdstat_time"]["calls"] - before <= 1
        await top.press("z")
        await top.hides("held")


async def test_control_characters_of_an_error_do_nothing(console, server) -> None:
    line = {"key": "k", "queue": "default", "type": "t", "at_ms": 1, "outcome": "dead", "error": "\x1b[31mred [bold]x"}
    server.lpush("jobctl:failures", json.dumps(line))
    async with console() as top:
        await top.press("6")
        await top.shows(r"\x1b[31mred [bold]x")
