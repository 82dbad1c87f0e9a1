"""Log lines of jobs: whose they are, how many are kept, how long, and what they cost a job that writes none."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from jobctl.broker.keys import QueueKeys, job_id
from jobctl.broker.scripts import source
from jobctl.inspector import Inspector
from jobctl.inspector.lines import Lines, LogLine
from jobctl.outcomes import Dead
from jobctl.worker import lines as limits

library = logging.getLogger("some.library")


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.INFO)
    yield
    root.setLevel(before)


async def written(shop: Any, key: str) -> list[LogLine]:
    job = await Inspector(shop.redis).job(key)
    return await Lines(shop.redis).of(job)


async def test_lines_of_the_handler_and_of_what_it_calls(shop) -> None:
    async def talk(ctx) -> None:
        ctx.log.info("mine", extra={"count": 3, "who": ("a", 1)})
        library.warning("%s of a library", "line")
        await asyncio.to_thread(library.info, "in a thread")
        library.debug("below the level")

    shop.job(talk)
    key = await shop.enqueue("talk")
    await shop.burst()

    found = await written(shop, key)
    assert [line.message for line in found] == ["mine", "line of a library", "in a thread"]
    assert [line.level for line in found] == ["info", "warning", "info"]
    assert found[0].facts == {"count": 3, "who": "('a', 1)"}
    assert {line.attempt for line in found} == {1}


async def test_what_is_no_unicode_is_kept_escaped(shop, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's would keep it for a report it cannot send
    name = b"caf\xe9".decode(errors="surrogateescape")

    async def talk(ctx) -> None:
        ctx.log.info("read %s", name, extra={"name_of": name})

    shop.job(talk)
    key = await shop.enqueue("talk")
    await shop.burst()

    (line,) = await written(shop, key)
    assert (line.message, line.facts) == ("read caf\\udce9", {"name_of": "caf\\udce9"})
    assert "Logging error" not in capsys.readouterr().err


async def test_jobs_side_by_side_keep_their_lines_apart(shop) -> None:
    ready = asyncio.Event()

    async def echo(ctx, n) -> None:
        library.info("begin %d", n)
        if n == 9:
            ready.set()
        await ready.wait()
        library.info("end %d", n)

    shop.job(echo)
    keys = [await shop.enqueue("echo", {"n": n}) for n in range(10)]
    await shop.burst()

    for n, key in enumerate(keys):
        assert [line.message for line in await written(shop, key)] == [f"begin {n}", f"end {n}"]


async def test_a_plain_function_in_its_thread(shop) -> None:
    def plain(ctx) -> None:
        library.info("plain")

    shop.job(plain)
    key = await shop.enqueue("plain")
    await shop.burst()

    assert [line.message for line in await written(shop, key)] == ["plain"]


async def test_lines_of_all_attempts_with_what_the_worker_says_of_them(shop) -> None:
    async def fall(ctx) -> None:
        try:
            raise ValueError("inner")
        except ValueError:
            library.exception("caught")
        raise Dead("over")

    shop.job(fall)
    key = await shop.enqueue("fall")
    await shop.burst()

    caught, dead = await written(shop, key)
    assert (caught.traceback or "").endswith("ValueError: inner")
    assert (dead.message, dead.facts["error"]) == ("job dead", "over")


async def test_the_latest_lines_within_the_bounds_are_kept(shop) -> None:
    async def many(ctx) -> None:
        for n in range(limits.MOST_LINES + 50):
            library.info("line %d", n)

    async def large(ctx) -> None:
        for _ in range(100):
            library.info("x" * 10_000)

    shop.job(many)
    shop.job(large)
    key, other = await shop.enqueue("many"), await shop.enqueue("large")
    await shop.burst()

    messages = [line.message for line in await written(shop, key)]
    assert messages == [f"line {n}" for n in range(50, limits.MOST_LINES + 50)]
    kept = await shop.redis.xrange(QueueKeys("default").log(other))
    assert limits.MOST_BYTES / 2 < sum(len(fields[b"line"]) for _, fields in kept) <= limits.MOST_BYTES


async def test_more_lines_than_are_kept_in_a_second_are_counted(shop, caplog) -> None:
    async def flood(ctx) -> None:
        for _ in range(limits.MOST_WAITING + 7):
            library.info("x")

    shop.job(flood)
    await shop.enqueue("flood")
    await shop.burst()

    (told,) = [record for record in caplog.records if record.message == "jobs write more lines than are kept"]
    assert vars(told)["dropped"] >= 7


async def test_lines_live_as_long_as_the_record(shop) -> None:
    async def talk(ctx) -> None:
        library.info("x")

    shop.job(talk, retention_s=500.0)
    shop.job(talk, name="unkept", retention_s=-1.0)
    key, unkept = await shop.enqueue("talk"), await shop.enqueue("unkept")
    await shop.burst()

    stream = QueueKeys("default").log(key)
    record_ms, lines_ms = await shop.redis.pttl(job_id("default", key)), await shop.redis.pttl(stream)
    assert 0 < abs(record_ms) <= 500_000
    assert abs(record_ms - lines_ms) < 2_000
    assert not await shop.redis.exists(QueueKeys("default").log(unkept))


async def test_a_job_that_writes_nothing_costs_nothing(shop, server) -> None:
    async def silent(ctx) -> None:
        pass

    shop.job(silent)
    await shop.enqueue_many([("silent", {}, {})] * 50)
    await shop.burst()

    digest = hashlib.sha1(source("keep_lines").encode()).hexdigest()
    assert server.script_exists(digest) == [False]  # nobody has called it
    assert server.keys("jobctl:*:log:*") == []


async def test_lines_of_an_earlier_job_of_the_same_key_are_left_out(shop) -> None:
    async def talk(ctx, n) -> None:
        library.info("n is %d", n)

    shop.job(talk)
    await shop.enqueue("talk", {"n": 1}, key="same")
    await shop.burst()
    await shop.enqueue("talk", {"n": 2}, key="same")
    await shop.burst()

    assert [line.message for line in await written(shop, "same")] == ["n is 2"]


async def test_following_ends_with_the_job(shop) -> None:
    go = asyncio.Event()

    async def talk(ctx) -> None:
        library.info("before")
        await go.wait()
        library.info("after")

    shop.job(talk)
    key = await shop.enqueue("talk")
    worker = shop.start()
    job = await Inspector(shop.redis).job(key)
    seen: list[str] = []
    async with asyncio.timeout(20):
        async for lines in Lines(shop.redis).follow(job):
            seen += [line.message for line in lines]
            go.set()

    assert seen == ["before", "after"]
    await worker.stop()


async def test_line_whose_arguments_do_not_fit_harms_nobody(shop, monkeypatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)

    async def talk(ctx) -> None:
        library.info("%d", "no number")
        library.info("fine", extra={"odd": object(), "key2": float("nan")})

    shop.job(talk)
    key = await shop.enqueue("talk")
    await shop.burst()

    assert [line.message for line in await written(shop, key)] == ["fine"]


async def test_what_is_no_line_is_passed_over(shop, server) -> None:
    async def silent(ctx) -> None:
        pass

    shop.job(silent)
    key = await shop.enqueue("silent")
    for raw in (b"{", json.dumps({"at_ms": 1, "message": "good"}).encode()):
        server.xadd(QueueKeys("default").log(key), {"line": raw})

    assert [line.message for line in await written(shop, key)] == ["good"]


async def test_lines_go_with_a_job_that_is_deleted(shop) -> None:
    async def talk(ctx) -> None:
        library.info("x")

    shop.job(talk)
    key = await shop.enqueue("talk")
    await shop.burst()
    assert await shop.redis.exists(QueueKeys("default").log(key))

    await Inspector(shop.redis).delete(key)

    assert not await shop.redis.exists(QueueKeys("default").log(key))
