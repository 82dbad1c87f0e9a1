"""The threads of plain handlers: as many as are needed at once, no more, and none for longer than needed."""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
import time
from collections.abc import Iterator

import pytest
from tests.waiting import eventually

from jobctl.worker.threads import DaemonThreads

DEADLINE_S = 20.0


@pytest.fixture
def threads() -> Iterator[DaemonThreads]:
    pool = DaemonThreads(20)
    yield pool
    pool.close()


async def test_calls_that_block_run_beside_each_other(threads: DaemonThreads) -> None:
    all_in = threading.Barrier(20)

    calls = [threads.submit(all_in.wait, DEADLINE_S) for _ in range(20)]

    assert sorted(await asyncio.gather(*calls)) == list(range(20))
    assert threads.count == 20


async def test_a_call_that_blocks_holds_up_no_other(threads: DaemonThreads) -> None:
    gate = threading.Event()
    blocked = [threads.submit(gate.wait, DEADLINE_S) for _ in range(19)]

    for _ in range(50):
        assert await asyncio.wait_for(threads.submit(int, "7"), DEADLINE_S) == 7

    assert not any(call.done() for call in blocked)
    gate.set()
    assert all(await asyncio.gather(*blocked))


async def test_quick_calls_need_few_threads(threads: DaemonThreads) -> None:
    for _ in range(100):
        await asyncio.gather(*(threads.submit(threading.get_ident) for _ in range(20)))

    assert threads.count < 20


async def test_threads_that_nobody_needs_end_and_others_begin(threads: DaemonThreads) -> None:
    short = DaemonThreads(20, idle_s=0.02)
    all_in = threading.Barrier(20)
    await asyncio.gather(*(short.submit(all_in.wait, DEADLINE_S) for _ in range(20)))

    await eventually(lambda: short.count == 0)

    assert await asyncio.wait_for(short.submit(int, "7"), DEADLINE_S) == 7


async def test_no_call_is_forgotten_while_threads_come_and_go() -> None:
    dice = random.Random(7)
    pool = DaemonThreads(8, idle_s=0.001)
    most = 0

    def work(number: int, seconds: float) -> int:
        time.sleep(seconds)
        return number

    for at in range(0, 600, 8):
        calls = [pool.submit(work, at + n, dice.choice((0, 0, 0.001, 0.002))) for n in range(8)]
        most = max(most, pool.count)
        assert await asyncio.wait_for(asyncio.gather(*calls), DEADLINE_S) == list(range(at, at + 8))
        await asyncio.sleep(dice.choice((0, 0, 0.001)))

    assert most <= 8
    await eventually(lambda: pool.count == 0)


async def test_closed_threads_end_with_their_calls() -> None:
    pool = DaemonThreads(3)
    gate, inside = threading.Event(), threading.Event()

    def work() -> bool:
        inside.set()
        return gate.wait(DEADLINE_S)

    busy = pool.submit(work)
    assert await asyncio.to_thread(inside.wait, DEADLINE_S)

    pool.close()
    gate.set()

    assert await busy
    await eventually(lambda: pool.count == 0)


async def test_a_call_sees_the_variables_of_its_caller_and_its_errors_come_back(threads: DaemonThreads) -> None:
    here = contextvars.ContextVar("here", default="nowhere")
    here.set("the test")

    assert await threads.submit(here.get) == "the test"
    with pytest.raises(ValueError, match="x"):
        await threads.submit(int, "x")
    with pytest.raises(RuntimeError, match="StopIteration"):
        await threads.submit(lambda: next(iter(())))


async def test_without_a_thread_to_have_the_call_is_refused_or_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = DaemonThreads(4)
    gate = threading.Event()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        pool.submit(gate.set)
    monkeypatch.setattr(threading.Thread, "start", start)
    first = pool.submit(gate.wait, DEADLINE_S)
    await eventually(lambda: not pool._calls)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    second = pool.submit(int, "7")
    gate.set()

    assert await first
    assert await asyncio.wait_for(second, DEADLINE_S) == 7
    pool.close()
