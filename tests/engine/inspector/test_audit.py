"""The audit log, on a real server."""

from __future__ import annotations

import getpass
import socket

import pytest
import redis as redis_py
from redis.asyncio import Redis

from jobctl.broker import keys
from jobctl.compiler.plan import Plan
from jobctl.errors import UsageError
from jobctl.inspector import Inspector, audit


async def test_entry_says_who_did_what_and_how_often(broker: Redis) -> None:
    await audit.record(
        broker, audit.Action.JOB_REPLAY, target="state=dead", count=5000, detail={"rate": 50, "none": None}
    )

    (entry,) = await audit.read(broker)

    assert (entry.action, entry.target, entry.count, entry.detail) == ("job.replay", "state=dead", 5000, {"rate": 50})
    assert entry.actor.endswith(f"@{socket.gethostname()}")
    assert entry.at_ms > 0


async def test_inspector_notes_its_actions_under_the_given_name(
    inspector: Inspector, broker: Redis, plan: Plan
) -> None:
    web = Inspector(broker, plan, actor="web:ann")

    await inspector.pause("low")
    await web.resume("low")

    assert [entry.actor for entry in await audit.read(broker, actor="web:")] == ["web:ann"]
    assert [entry.action for entry in await audit.read(broker, target="low")] == ["queue.resume", "queue.pause"]


async def test_log_is_read_by_pages_and_capped(
    broker: Redis, server: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE", 7)
    monkeypatch.setattr(audit, "KEPT", 100)
    for number in range(250):
        await audit.record(broker, "job.cancel" if number % 50 == 0 else "job.delete", target=str(number), count=1)

    found = await audit.read(broker, 1000)

    assert [entry.target for entry in found[:100]] == [str(number) for number in range(249, 149, -1)]
    assert 100 <= server.xlen(keys.AUDIT) <= 250
    assert [entry.target for entry in await audit.read(broker, 1, action="job.cancel")] == ["200"]
    with pytest.raises(UsageError, match="there is no action"):
        await audit.read(broker, action="job.cancle")


async def test_full_broker_takes_a_note(broker: Redis, server: redis_py.Redis) -> None:
    server.config_set("maxmemory", 1)
    try:
        await audit.record(broker, "queue.purge", target="low", count=3)
    finally:
        server.config_set("maxmemory", 0)

    assert [entry.target for entry in await audit.read(broker)] == ["low"]


def test_actor_behind_sudo_is_who_called_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOBCTL_ACTOR", raising=False)
    monkeypatch.setenv("SUDO_USER", "ann")

    assert audit.default_actor.__wrapped__() == f"ann@{socket.gethostname()}"


def test_actor_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.delenv("JOBCTL_ACTOR", raising=False)
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(getpass, "getuser", nobody)

    assert audit.default_actor.__wrapped__().startswith("uid-")
