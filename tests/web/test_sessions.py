"""Sessions end, and strangers' empty ones push out nobody who logged in."""

from __future__ import annotations

import pytest

from jobctl.clock import FakeClock
from jobctl_web import sessions as module
from jobctl_web.roles import Identity, Role
from jobctl_web.sessions import IDLE_S, LONGEST_S, Sessions

ADA = Identity("ada", Role.ADMIN, "password")


def test_idle_session_ends() -> None:
    clock = FakeClock()
    sessions = Sessions(clock)
    session = sessions.open(ADA)

    clock.advance(IDLE_S - 1)
    assert sessions.find(session.id) is session
    clock.advance(IDLE_S + 1)
    assert sessions.find(session.id) is None
    assert len(sessions) == 0


def test_session_in_use_ends_as_well_some_day() -> None:
    clock = FakeClock()
    sessions = Sessions(clock)
    session = sessions.open(ADA)

    while clock.now_s - session.began_s <= LONGEST_S:
        assert sessions.find(session.id) is session
        clock.advance(IDLE_S / 2)

    assert sessions.find(session.id) is None


def test_asking_whether_it_is_open_keeps_no_session_alive() -> None:
    clock = FakeClock()
    sessions = Sessions(clock)
    session = sessions.open(ADA)

    clock.advance(IDLE_S - 1)
    assert sessions.is_open(session)
    clock.advance(2)
    assert not sessions.is_open(session)


def test_strangers_push_out_strangers_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    sessions = Sessions()
    ada = sessions.open(ADA)
    strangers = [sessions.open() for _ in range(5)]

    assert sessions.find(ada.id) is ada
    assert sessions.find(strangers[0].id) is None
    assert sessions.find(strangers[-1].id) is strangers[-1]
    assert len(sessions) == 3


def test_notices_are_told_once() -> None:
    session = Sessions().open()
    session.tell("done")

    assert [notice.text for notice in session.take_notices()] == ["done"]
    assert session.take_notices() == []
