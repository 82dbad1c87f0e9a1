from __future__ import annotations

import io
import json
import logging
import sys

from jobctl_cli.environment import Environment
from jobctl_cli.logs import HumanFormatter, JsonFormatter, set_up
from jobctl_cli.palette import Palette

HUMAN = HumanFormatter(Palette(False))


def record(message: str = "job failed", level: int = logging.WARNING, **facts: object) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"name": "jobctl.worker", "levelno": level, "msg": message, "created": 1_700_000_000.5}
    )
    made.levelname = logging.getLevelName(level)
    vars(made).update(facts)
    return made


def failure() -> object:
    try:
        raise ValueError("no\x1b[31m")
    except ValueError:
        return sys.exc_info()


def test_json_line_holds_the_facts() -> None:
    line = json.loads(JsonFormatter().format(record(key="k1", attempt=3, queues={"low": 1})))

    assert line == {
        "time": "2023-11-14T22:13:20.500+00:00",
        "level": "warning",
        "logger": "jobctl.worker",
        "message": "job failed",
        "key": "k1",
        "attempt": 3,
        "queues": {"low": 1},
    }


def test_fact_cannot_hide_a_field_of_the_line() -> None:
    line = json.loads(JsonFormatter().format(record(level_=1, time="noon")))

    assert line["time"] == "2023-11-14T22:13:20.500+00:00"
    assert line["time_"] == "noon"


def test_json_line_takes_any_value() -> None:
    line = JsonFormatter().format(record(thing=object, text="two\nlines"))

    assert "\n" not in line
    assert json.loads(line)["text"] == "two\nlines"


def test_traceback_stays_on_the_json_line() -> None:
    line = JsonFormatter().format(record(exc_info=failure()))

    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: no\x1b[31m")


def test_traceback_that_came_as_text_is_shown_as_any_other() -> None:
    """So it is with records from the process of an isolated job."""
    told = record(exc_text="Traceback\nValueError: no")

    assert json.loads(JsonFormatter().format(told))["traceback"] == "Traceback\nValueError: no"
    assert HUMAN.format(told).endswith("\n    Traceback\n    ValueError: no")


def test_every_line_of_a_worker_with_a_number_has_it() -> None:
    stderr = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    env = Environment(stdin=io.StringIO(), stdout=io.StringIO(), stderr=stderr, variables={})
    try:
        set_up(env, format="json", level="info", child=2)
        logging.getLogger("any").info("hello")
        logging.getLogger("supervisor").info("of another", extra={"child": 3})
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)

    assert [json.loads(line)["child"] for line in stderr.getvalue().splitlines()] == [2, 3]


def test_human_line_is_time_level_message_facts() -> None:
    line = HUMAN.format(record(key="k1", took=0.25, queues={"low": 1, "high": 2}))

    assert line[12:] == " warning job failed               key=k1 took=0.25 queues=low:1,high:2"


def test_values_with_spaces_are_quoted() -> None:
    assert HUMAN.format(record(error='it "broke"', empty="")).endswith('error="it \\"broke\\"" empty=""')


def test_human_line_without_facts_ends_with_the_message() -> None:
    assert HUMAN.format(record("stopping")).endswith("warning stopping")


def test_traceback_stands_below_indented_and_harmless() -> None:
    lines = HUMAN.format(record(exc_info=failure())).splitlines()

    assert lines[1] == "    Traceback (most recent call last):"
    assert lines[-1] == "    ValueError: no\\x1b[31m"
