"""What schedules do where the clock changes: the table in docs/scheduling.md is what is computed.

To write the table anew: `UPDATE_SNAPSHOTS=1 pytest tests/engine/scheduler/test_clock_changes.py`; then read the diff.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobctl.scheduler.cron import times_after

DOCUMENT = Path(__file__).parents[3] / "docs/scheduling.md"
FENCE = re.compile(r"(?<=<!-- clock changes -->\n\n```\n).*?(?=```\n)", re.DOTALL)
DAYS = (
    ("Europe/Berlin", "2026-03-29", "02:00 -> 03:00", ("30 2 * * *", "*/30 2 * * *", "30 * * * *", "0 */2 * * *")),
    ("Europe/Berlin", "2026-10-25", "03:00 -> 02:00", ("30 2 * * *", "*/30 2 * * *", "30 * * * *", "0 */2 * * *")),
    ("America/New_York", "2026-03-08", "02:00 -> 03:00", ("0 2 * * *", "30 2 * * *", "0 * * * *")),
    ("America/New_York", "2026-11-01", "02:00 -> 01:00", ("0 1 * * *", "30 1 * * *", "0 * * * *")),
    ("Australia/Lord_Howe", "2026-10-04", "02:00 -> 02:30", ("15 2 * * *", "30 2 * * *", "15 * * * *")),
    ("Australia/Lord_Howe", "2026-04-05", "02:00 -> 01:30", ("45 1 * * *", "30 1 * * *", "45 * * * *")),
    ("Pacific/Chatham", "2026-09-27", "02:45 -> 03:45", ("0 3 * * *", "45 2 * * *", "0 * * * *")),
    ("Pacific/Chatham", "2026-04-05", "03:45 -> 02:45", ("0 3 * * *", "45 2 * * *", "0 * * * *")),
    ("America/Sao_Paulo", "2018-11-04", "00:00 -> 01:00", ("0 0 * * *", "30 0 * * *", "@daily")),
    ("America/Sao_Paulo", "2018-02-17", "24:00 -> 23:00", ("0 23 * * *", "59 23 * * *", "0 * * * *")),
    ("UTC", "2028-02-29", "leap day", ("0 0 29 2 *", "0 0 L * *", "0 0 * * 2#5")),
)


def table() -> str:
    lines = [f"{'ZONE':<20} {'DAY':<10}  {'CLOCK':<14}  {'CRON':<13}  TIMES IN SIX HOURS AROUND"]
    for zone, day, change, expressions in DAYS:
        lines += [row(zone, day, change, one) for one in expressions]
    return "\n".join(lines) + "\n"


def row(zone: str, day: str, change: str, expression: str) -> str:
    start = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone))
    begin = datetime.fromtimestamp(start.timestamp() - 3601, ZoneInfo(zone))
    if change.startswith("24"):  # at the end of its day
        begin = start.replace(hour=21, minute=59)
    end = begin.timestamp() + 6 * 3600 + 1
    times = takewhile(lambda time: time.timestamp() <= end, times_after(expression, zone, begin))
    shown = [f"{time:%H:%M}{offset(time)}" for time in times]
    return f"{zone:<20} {day}  {change:<14}  {expression:<13}  {' '.join(shown) or '-'}".rstrip()


def offset(time: datetime) -> str:
    text = f"{time:%z}"
    return text[:3] if text.endswith("00") else f"{text[:3]}:{text[3:]}"


def test_the_table_in_the_document_is_what_is_computed() -> None:
    text = DOCUMENT.read_text("utf-8")
    if os.environ.get("UPDATE_SNAPSHOTS"):
        DOCUMENT.write_text(FENCE.sub(lambda _: table(), text), "utf-8")

    found = FENCE.search(DOCUMENT.read_text("utf-8"))

    assert found is not None
    assert found[0] == table()


@pytest.mark.parametrize(
    ("zone", "day", "expression", "times"),
    [
        ("Europe/Berlin", "2026-03-29", "30 2 * * *", "03:00+02"),
        ("Europe/Berlin", "2026-10-25", "30 2 * * *", "02:30+02"),
        ("America/New_York", "2026-11-01", "30 1 * * *", "01:30-04"),
        ("Australia/Lord_Howe", "2026-10-04", "15 2 * * *", "02:30+11"),
        ("Pacific/Chatham", "2026-09-27", "0 3 * * *", "03:45+13:45"),
        ("America/Sao_Paulo", "2018-11-04", "0 0 * * *", "01:00-02"),
        ("America/Sao_Paulo", "2018-02-17", "0 23 * * *", "23:00-02"),
    ],
)
def test_a_fixed_time_runs_once_on_the_day_of_a_change(zone: str, day: str, expression: str, times: str) -> None:
    assert row(zone, day, "24" if day == "2018-02-17" else "", expression).endswith(f"{expression:<13}  {times}")
