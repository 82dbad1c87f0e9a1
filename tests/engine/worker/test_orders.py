"""Orders: a worker is quiet, serves again or ends as it is told, once, within a second."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jobctl.broker import keys
from jobctl.broker.cycle import Cycle, Turn
from jobctl.inspector.fleet import Fleet
from jobctl.worker.orders import Order, Orders


def test_order_is_taken_once() -> None:
    orders = Orders()

    assert orders.take("", 1_000) is None
    assert orders.take("1001 a quiet", 1_001) is Order.QUIET
    assert orders.take("1001 a quiet", 1_002) is None
    assert orders.is_quiet
    assert orders.take("1003 b serve", 1_003) is Order.SERVE
    assert not orders.is_quiet


def test_order_from_before_the_worker_began_is_for_the_one_before_it() -> None:
    orders = Orders()

    assert orders.take("999 a stop", 1_000) is None
    assert not orders.is_dismissed


@pytest.mark.parametrize("text", ["2 a dance", "stop", "2", "x y stop"])
def test_order_of_a_later_version_is_left_alone(text: str) -> None:
    orders = Orders()
    orders.take("", 1)

    assert orders.take(text, 2) is None
    assert not orders.is_quiet


class Scene:
    """A worker whose job waits at a gate."""

    def __init__(self, shop: Any) -> None:
        self.shop = shop
        self.gate = asyncio.Event()
        self.fleet = Fleet(shop.redis)

        async def work(ctx):
            await self.gate.wait()

        shop.job(work)

    async def start(self, **options: Any) -> Any:
        worker = self.shop.start(**options)
        await asyncio.wait_for(worker.started.wait(), 10)
        await self.shop.eventually(lambda: self.reported(worker, "running"))
        return worker

    async def reported(self, worker: Any, *states: str) -> bool:
        seen = {one.id: one.state for one in await self.fleet.workers()}
        return seen.get(worker.id, "stopped") in states

    async def tell(self, worker: Any, order: Order) -> None:
        await self.fleet.tell(await self.fleet.find([worker.id]), order)


@pytest.fixture
async def scene(shop: Any) -> Scene:
    return Scene(shop)


async def test_end_of_a_quiet_workers_last_job_is_reported_soon(shop: Any, scene: Scene) -> None:
    worker = await scene.start()
    await shop.until(await shop.enqueue("work"), "active")
    await scene.tell(worker, Order.QUIET)
    chosen = await scene.fleet.find([worker.id])
    assert (await scene.fleet.settle(chosen, Order.QUIET, timeout_s=10)).is_done
    assert not (await scene.fleet.settle(chosen, Order.QUIET, ended=True, timeout_s=0)).is_done

    scene.gate.set()
    began_at = time.monotonic()
    settled = await scene.fleet.settle(chosen, Order.QUIET, ended=True, timeout_s=10)

    assert settled.is_done
    assert time.monotonic() - began_at < 4.0  # reports come every 5 s otherwise


@pytest.mark.parametrize("limits", [{}, {"default": {"reserved": 2, "max_running": 4}}], ids=["weights", "limits"])
async def test_quiet_worker_ends_what_it_has_and_claims_no_more(shop: Any, scene: Scene, limits: Any) -> None:
    shop.queues = limits
    worker = await scene.start()
    first = await shop.enqueue("work")
    await shop.until(first, "active")

    await scene.tell(worker, Order.QUIET)
    await shop.eventually(lambda: scene.reported(worker, "quiet"))
    later = await shop.enqueue("work")
    scene.gate.set()
    await shop.until(first, "complete")

    other = await scene.start(weights={"critical": 1})  # a second worker's turns change nothing of it
    assert (await shop.record(later))["status"] == "queued"
    await scene.tell(worker, Order.SERVE)
    await shop.until(later, "complete")
    assert await scene.reported(other, "running")


async def test_order_to_serve_counts_though_a_quiet_turn_is_under_way(
    shop: Any, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await scene.start()
    await scene.tell(worker, Order.QUIET)
    await shop.eventually(lambda: scene.reported(worker, "quiet"))
    scene.gate.set()
    later = await shop.enqueue("work")
    is_slow, is_answered = True, asyncio.Event()
    turn = Cycle.turn

    async def slow_turn(self: Cycle, *args: Any) -> Turn:
        answer = await turn(self, *args)
        if is_slow:
            is_answered.set()
            await shop.eventually(lambda: not is_slow)
        return answer

    monkeypatch.setattr(Cycle, "turn", slow_turn)
    await shop.redis.publish(keys.WAKE, "")
    await asyncio.wait_for(is_answered.wait(), 10)  # claimed nothing: the worker is quiet
    await scene.tell(worker, Order.SERVE)
    await shop.eventually(lambda: scene.reported(worker, "running"))
    is_slow = False

    await shop.until(later, "complete")


async def test_order_is_obeyed_within_a_second_though_nobody_heard_it(shop: Any, scene: Scene) -> None:
    worker = await scene.start()
    now_ms = int((await shop.redis.time())[0]) * 1000 + 999

    await shop.redis.set(keys.order_for(worker.id), f"{now_ms} a quiet")
    began_at = time.monotonic()
    await shop.eventually(lambda: scene.reported(worker, "quiet"))

    assert time.monotonic() - began_at < 8.0  # a second, and the patience that a loaded machine needs


async def test_stopped_worker_gives_its_jobs_the_grace(shop: Any, scene: Scene) -> None:
    worker = await scene.start()
    key = await shop.enqueue("work")
    await shop.until(key, "active")

    await scene.tell(worker, Order.STOP)
    await shop.eventually(lambda: scene.reported(worker, "stopping"))
    scene.gate.set()
    code = await asyncio.wait_for(shop.workers[0], 10)

    assert code == 0
    assert (await shop.record(key))["status"] == "complete"
    assert worker.orders.is_dismissed
    assert await scene.reported(worker, "stopped")


async def test_worker_stopped_now_hands_its_jobs_back(shop: Any, scene: Scene) -> None:
    worker = await scene.start(grace_s=60.0)
    key = await shop.enqueue("work")
    await shop.until(key, "active")

    await scene.tell(worker, Order.STOP_NOW)
    await asyncio.wait_for(shop.workers[0], 10)

    assert (await shop.record(key))["status"] == "queued"


async def test_orders_cost_no_commands(shop: Any, scene: Scene) -> None:
    """The order comes with the upkeep's answer: no client's command names its key but the one that gives it."""
    worker = await scene.start()
    async with shop.redis.monitor() as lines:
        seen: list[str] = []
        ticks = 0
        while ticks < 3:
            line = await lines.next_command()
            if line["client_type"] != "lua":
                seen.append(line["command"])
                ticks += keys.order_for(worker.id) in line["command"] and line["command"].startswith("EVALSHA")

    assert not [command for command in seen if "jobctl:order" in command and not command.startswith("EVALSHA")]
