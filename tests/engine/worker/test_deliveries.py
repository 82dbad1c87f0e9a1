"""One job, several deliveries: what belongs to one of them is never taken for another's."""

from __future__ import annotations

import asyncio

import pytest

from jobctl import Context
from jobctl.broker import keys
from jobctl.broker.envelope import seal
from jobctl.spec.model import Unique
from jobctl.worker import worker as worker_module
from jobctl.worker.execution import Execution
from jobctl.worker.keeper import LeaseKeeper


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[Execution]:
    """The executions of the workers that a test starts."""
    made: list[Execution] = []

    class Known(Execution):
        def __init__(self, *args, **options) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(worker_module, "Execution", Known)
    return made


async def test_no_lease_is_held_for_a_job_that_has_ended(shop, executions: list[Execution]) -> None:
    async def quick(ctx: Context, i: int) -> None:
        await asyncio.sleep(0.0005)  # so that some end while a turn is under way

    shop.job(quick)
    await shop.enqueue_many([("quick", {"i": i}, {}) for i in range(500)])

    await shop.burst(concurrency=20)

    assert executions[0].processed == 500
    assert executions[0].held == {}


async def test_worker_that_is_given_its_own_lost_job_again_runs_it_once_at_a_time(
    shop, executions: list[Execution], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a laptop's sleep: all leases have ended, and the worker itself is the first to see it."""
    overlap, most, runs = 0, 0, 0
    go = asyncio.Event()

    async def long(ctx: Context) -> str:
        nonlocal overlap, most, runs
        overlap += 1
        runs += 1
        most = max(most, overlap)
        try:
            await go.wait()
            return f"run {runs}"
        finally:
            await asyncio.sleep(0.02)  # it takes a moment to stop
            overlap -= 1

    monkeypatch.setattr(LeaseKeeper, "run", lambda self: None)  # asleep
    shop.job(long)
    key = await shop.enqueue("long")
    shop.start(lease_ms=200)

    await shop.eventually(lambda: runs == 2)
    go.set()
    record = await shop.until(key, "complete")

    assert (most, runs, record["result"]) == (1, 2, "run 2")
    assert record["attempts"] == 1
    await shop.eventually(lambda: executions[0].held == {})
    of = keys.QueueKeys("default")
    assert await shop.redis.hgetall(of.owners) == {}
    assert executions[0].free == 10


@pytest.mark.parametrize("options", [{}, {"key": "mine"}], ids=["key of ours", "key of the caller's"])
async def test_enqueue_sent_again_after_its_job_has_ended_stores_nothing(shop, options) -> None:
    """The answer to an enqueue was lost, and the job was quicker than the client's second try (hazard B2)."""
    runs = []

    async def quick(ctx: Context) -> None:
        runs.append(ctx.key)

    sealed = seal(shop.job(quick), {}, **options)
    assert await shop.store([sealed]) == [None]
    await shop.burst()

    assert await shop.store([sealed]) == [None], "it was stored, and by us"
    await shop.burst()

    assert runs == [sealed.key]
    assert await shop.index("complete") == [sealed.key]


async def test_enqueue_sent_again_is_ours_although_another_job_holds_the_lock_by_now(shop) -> None:
    async def quick(ctx: Context, i: int) -> None: ...

    job = shop.job(quick, unique=Unique(by=("i",)))
    first, second = seal(job, {"i": 1}), seal(job, {"i": 1})
    await shop.store([first])
    await shop.burst()
    assert await shop.store([second]) == [None]

    assert await shop.store([first]) == [None]

    assert await shop.index("queued") == [second.key]
