"""Cron expressions: everything accepted here means the same to croniter, and fires."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from jobctl.spec.cron import NICKNAMES, check_expression, spell_out
from jobctl.spec.kinds import Rejected

START = datetime(2025, 12, 31, 23, 59, tzinfo=UTC)
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
NAMES = {3: ("jan", "FEB", "Dec"), 4: ("sun", "MON", "Sat")}


def terms(column: int, slack: int) -> st.SearchStrategy[str]:
    low, high = BOUNDS[column]
    number = st.integers(max(low - slack, 0), high + slack).map(str)
    if column in NAMES:
        number = number | st.sampled_from(NAMES[column])
    span = st.tuples(number, number).map("-".join)
    whole = st.just("*") | number | span
    step = st.integers(1 - min(slack, 1), high + slack).map(lambda n: f"/{n}")
    return st.tuples(whole, st.just("") | step).map("".join)


def expressions(slack: int) -> st.SearchStrategy[str]:
    columns = [st.lists(terms(column, slack), min_size=1, max_size=3).map(",".join) for column in range(5)]
    return st.tuples(*columns).map(" ".join)


def is_accepted(expression: str) -> bool:
    try:
        check_expression(expression)
    except Rejected:
        return False
    return True


@given(expressions(slack=2))
def test_what_is_accepted_fires_by_croniter(expression: str) -> None:
    if not is_accepted(expression):
        return

    assert croniter(check_expression(expression), START).get_next(datetime) > START


@given(expressions(slack=0))
def test_what_croniter_fires_is_rejected_only_for_its_step(expression: str) -> None:
    try:
        croniter(expression, START).get_next(datetime)
    except ValueError:
        return

    with nullcontext() if is_accepted(expression) else pytest.raises(Rejected, match="step"):
        check_expression(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/15 * * * *",
        "0 9-17 * * 1-5",
        "0 2 * * mon-fri",
        "0 0 29 2 *",
        "0 22-2 * * fri-mon",
        "5/15 0 1,15 jan,jul *",
        "0 0 30 2 1",
        "0 0 L * *",
        "0 0 * * 5#2",
        "0 0 * * L5",
        "*/5 * * * * *",
        "30 0 2 L * *",
        "@hourly",
        "@every 15m",
        "@every 1h30m",
    ],
)
def test_good_expressions(expression: str) -> None:
    assert check_expression(expression) == expression


@pytest.mark.parametrize("nickname", NICKNAMES)
def test_nicknames_mean_what_croniter_makes_of_them(nickname: str) -> None:
    assert croniter(nickname, START).get_next() == croniter(NICKNAMES[nickname], START).get_next()


@pytest.mark.parametrize(
    ("expression", "plain"),
    [
        ("0 9-9 * * 2-2", "0 9 * * 2"),  # croniter: every hour of every day
        ("*/20 21-3/2 * * fri-mon", "0,20,40 1,3,21,23 * * 0,1,5,6"),
        ("0 0-23/1 1-31 */1 *,3", "0 * * * *"),
        ("0 0 1-31 * mon", "0 0 * * *"),  # croniter: Mondays
        ("0 0 1,15 jan SUN-sat", "0 0 * 1 *"),
        ("0 0 1,15 * mon", "0 0 1,15 * 1"),
        ("0 0 */2 * *,1", "0 0 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * *"),
        ("30 0 2 1,L * *", "30 0 2 1,L * *"),
        ("0 0 * * fri#2", "0 0 * * fri#2"),
        ("@weekly", "0 0 * * 0"),
    ],
)
def test_expressions_are_spelled_out_so_that_no_engine_can_read_them_otherwise(expression: str, plain: str) -> None:
    assert spell_out(expression) == plain
    assert spell_out(plain) == plain


def test_step_beside_a_day_of_the_month_that_never_comes_is_enough() -> None:
    assert check_expression("0 0 30 2 */2") == "0 0 30 2 */2"


def test_spaces_do_not_count() -> None:
    assert check_expression("  0  2\t* * *\n") == "0 2 * * *"
    assert check_expression("@every   15m") == "@every 15m"


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("* */5 * * * * *", "got 7 fields", "seconds may stand before them"),
        ("60 * * * * *", "second `60`", None),
        ("0 0 30 2 *", "would never fire", None),
        ("0 0 31 4,6,9,11 *", "would never fire", None),
        ("0 0 L2 * *", "is no cron expression", None),
        ("@Hourly", "no known nickname", '"@hourly"'),
        ("@minutely", "no known nickname", '"* * * * *"'),
        ("@every", "@every <duration>", '"@every 15m"'),
        ("@every 5 minutes", "@every <duration>", '"@every 5m"'),
        ("@every 1.5s", "whole number of seconds", None),
        ("@every 0s", "whole number of seconds", None),
        ("60 * * * *", "minute `60`", None),
        ("0 24 * * *", "hour `24`", None),
        ("0 0 * * 8", "day of the week `8`", None),
        ("0 0 * * 5-8", "in `5-8`", None),
        ("0 0 * jam *", "no month `jam`", "`jan`"),
        ("*/0 * * * *", "step `0`", None),
        ("*-5 * * * *", "`*-5`", None),
        ("1-2-3 * * * *", "`1-2-3`", None),
        ("\u0661 * * * *", "as minute", None),
        ("hourly", "1 field", '"@hourly"'),
        ("15m", "1 field", '"@every 15m"'),
        ("", "got none", None),
    ],
)
def test_bad_expressions_say_why(expression: str, message: str, hint: str | None) -> None:
    with pytest.raises(Rejected) as raised:
        check_expression(expression)

    assert message in str(raised.value)
    assert hint is None or hint in (raised.value.hint or "")
