"""The dead by what they died of."""

from __future__ import annotations

from typing import Any

import pytest
import redis as redis_py
from hypothesis import given
from hypothesis import strategies as st

from jobctl.errors import UsageError
from jobctl.inspector import Inspector, deaths, parse_filter
from jobctl.inspector.deaths import filter_of, kind_of, telling_line

TRACEBACK = 'Traceback (most recent call last):\n  File "app.py", line 3, in run\n    connect()\n'


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("ValueError: no", ("ValueError", "no")),
        ("httpx.ConnectError: [Errno 111] refused", ("httpx.ConnectError", "[Errno <n>] refused")),
        ("KeyError: 'tenant-7'", ("KeyError", "<…>")),
        ("SMTPRecipientsRefused: ann@example.org is unknown", ("SMTPRecipientsRefused", "<email> is unknown")),
        ("Timeout after 30.5 s", ("", "Timeout after <n> s")),
        ("no tenant 6f9a1c2e-0000-4000-8000-00000000abcd", ("", "no tenant <uuid>")),
        ("no such key 1a20a3227bda", ("", "no such key <hex>")),
        ("OSError: cannot reach 10.1.2.3:8080", ("OSError", "cannot reach <ip>")),
        ("MemoryError", ("MemoryError", "")),
        ("", ("", "")),
    ],
)
def test_what_varies_is_left_out(line: str, kind: tuple[str, str]) -> None:
    assert kind_of(line) == kind


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (f"{TRACEBACK}ValueError: no\nmore of it", "ValueError: no"),
        (f"…{TRACEBACK[40:]}ValueError: no", "ValueError: no"),
        ("gave up\n\nTraceback ...", "gave up"),
        (" \n", ""),
    ],
)
def test_line_that_says_what_happened(error: str, line: str) -> None:
    assert telling_line(error) == line


@given(st.text(max_size=200))
def test_any_error_has_a_kind_and_a_filter_that_can_be_read(text: str) -> None:
    line = telling_line(text)

    _, message = kind_of(line)

    assert len(message) <= deaths.MESSAGE_LIMIT
    parse_filter(filter_of("default", "a:b", line))


def refused(shelf: Any, number: int, **fields: Any) -> str:
    return shelf.dead(error=f"{TRACEBACK}ConnectionError: 10.0.0.{number}:80 refused tenant {number}", **fields)


async def test_kinds_are_counted_the_most_frequent_first(inspector: Inspector, shelf: Any) -> None:
    for number in range(5):
        refused(shelf, number, at_ms=1_000 + number, key=f"k{number}")
    shelf.dead(error="gave up", type="sync:briefly", at_ms=9_000, queue="low")

    found = await inspector.deaths()

    first, second = found.kinds
    assert (first.count, first.error, first.message) == (5, "ConnectionError", "<ip> refused tenant <n>")
    assert (first.first_ms, first.last_ms, first.example) == (1_000, 1_004, "k4")
    assert (second.count, second.queue, second.type, second.error) == (1, "low", "sync:briefly", "")
    assert (found.looked_at, found.total) == (6, 6)


async def test_filter_of_a_kind_chooses_its_jobs(inspector: Inspector, shelf: Any) -> None:
    for number in range(3):
        refused(shelf, number)
    shelf.dead(error=f"{TRACEBACK}KeyError: 'x'")
    shelf.dead(error=None)
    shelf.dead(error=None, type="other")

    kinds = (await inspector.deaths()).kinds
    chosen = {kind.message: [one async for one in inspector.find(f"state=dead and {kind.filter}")] for kind in kinds}

    assert {message: len(jobs) for message, jobs in chosen.items()} == {
        "<ip> refused tenant <n>": 3,
        "<…>": 1,
        "": 1,
    }


async def test_kinds_that_begin_alike_are_chosen_apart(inspector: Inspector, shelf: Any) -> None:
    for number in range(3):
        shelf.dead(error=f"gateway answered 401 for order {number}: api key revoked")
    shelf.dead(error="gateway answered 429 for order 7: too many requests")

    kinds = (await inspector.deaths()).kinds
    found = [len([one async for one in inspector.find(f"state=dead and {kind.filter}")]) for kind in kinds]

    assert found == [kind.count for kind in kinds] == [3, 1]


async def test_only_the_latest_of_one_queue(inspector: Inspector, shelf: Any) -> None:
    for number in range(4):
        shelf.dead(error=f"{'new' if number > 1 else 'old'} error", at_ms=number)
    shelf.dead(queue="low", error="not this one")

    found = await inspector.deaths("default", most=2)

    assert [(kind.message, kind.count) for kind in found.kinds] == [("new error", 2)]
    assert (found.looked_at, found.total) == (2, 4)
    with pytest.raises(UsageError, match="no queue `lo`"):
        await inspector.deaths("lo")


async def test_it_reads_in_pages_and_tells(inspector: Inspector, shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deaths, "PAGE", 3)
    told: list[tuple[int, int]] = []
    for number in range(7):
        refused(shelf, number)

    found = await inspector.deaths(tell=lambda done, total: told.append((done, total)))

    assert told == [(3, 7), (6, 7), (7, 7)]
    assert found.kinds[0].count == 7


async def test_messages_that_always_differ_are_put_together(
    inspector: Inspector, shelf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deaths, "KINDS_LIMIT", 2)
    for word in ("one", "two", "three", "four"):
        shelf.dead(error=f"Oops: {word}")

    found = await inspector.deaths()

    assert {(kind.message, kind.count) for kind in found.kinds} >= {(deaths.OTHER, 2)}
    assert sum(kind.count for kind in found.kinds) == 4


async def test_records_that_are_gone_or_no_jobs(inspector: Inspector, shelf: Any, server: redis_py.Redis) -> None:
    server.delete(shelf.dead())
    server.set(shelf.dead(), "no json")

    found = await inspector.deaths()

    assert (found.gone, found.looked_at) == (1, 2)
    assert [kind.message for kind in found.kinds] == ["the record cannot be read"]
