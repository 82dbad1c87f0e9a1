from __future__ import annotations

from jobctl_cli import moments

NOW_MS = 1_700_000_000_000


def test_times_for_programs_are_iso_8601_in_utc() -> None:
    assert moments.iso(NOW_MS) == "2023-11-14T22:13:20.000Z"


def test_what_has_not_happened_is_nothing() -> None:
    assert moments.iso(0) is None
    assert moments.clock(0) == moments.ago(0, NOW_MS) == "-"


def test_delay_is_told_as_it_was_asked_for() -> None:
    assert moments.until(NOW_MS + 299_700, NOW_MS) == "in 5m"
    assert moments.until(NOW_MS + 500, NOW_MS) == "in 500ms"
    assert moments.until(NOW_MS - 1, NOW_MS) == "now"


def test_age() -> None:
    assert moments.ago(NOW_MS - 184_000, NOW_MS) == "3m4s"
    assert moments.ago(NOW_MS + 5, NOW_MS) == "0ms"
