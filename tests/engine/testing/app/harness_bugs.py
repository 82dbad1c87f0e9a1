"""Handlers with the bugs that people write, and the same without."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from jobctl import BlockingClient, Context, load_plan
from jobctl.settings import Settings

WORLD: dict[str, Any] = {}


def reset() -> None:
    WORLD.clear()
    WORLD.update(balance=0, charged=set(), entries=[], seen=0, told=[])


async def charge(ctx: Context, amount: int) -> None:
    await asyncio.sleep(0)
    WORLD["balance"] -= amount
    await asyncio.sleep(0)


async def charge_once(ctx: Context, amount: int) -> None:
    await asyncio.sleep(0)
    if ctx.key not in WORLD["charged"]:
        WORLD["charged"].add(ctx.key)
        WORLD["balance"] -= amount
    await asyncio.sleep(0)


async def fan_out(ctx: Context) -> None:
    async def tell(name: str) -> None:
        await asyncio.to_thread(WORLD["told"].append, name)

    await asyncio.gather(tell("billing"), tell("search"), return_exceptions=True)
    await asyncio.sleep(0)


async def fan_out_well(ctx: Context) -> None:
    async def tell(name: str) -> None:
        await asyncio.sleep(0)
        if name not in WORLD["told"]:
            WORLD["told"].append(name)

    await asyncio.gather(tell("billing"), tell("search"))
    WORLD["told"].sort()


async def fan_out_wrapped(ctx: Context) -> None:
    async def tell(name: str) -> None:
        WORLD["told"].append(name)

    async def call(inner: Coroutine[Any, Any, None]) -> None:
        await inner

    class Handle:
        def __init__(self, inner: Coroutine[Any, Any, None]) -> None:
            self.inner = inner

        async def call(self) -> None:
            await self.inner

    WORLD["told"].clear()
    await asyncio.gather(
        *(asyncio.ensure_future(one) for one in (call(tell("billing")), Handle(tell("search")).call()))
    )


def book(ctx: Context, amount: int) -> None:
    WORLD["entries"].append(amount)
    WORLD["balance"] += amount


def book_well(ctx: Context, amount: int) -> None:
    if ctx.key not in WORLD["charged"]:
        _book_at_once(ctx.key, amount)


def _book_at_once(key: str, amount: int) -> None:
    WORLD.update(charged={key}, entries=[amount], balance=amount)


async def count_up(ctx: Context) -> None:
    seen = WORLD["seen"]
    await asyncio.sleep(0)
    WORLD["seen"] = seen + 1  # another run has written meanwhile: a lost update


async def count_up_well(ctx: Context) -> None:
    await asyncio.sleep(0)
    WORLD["seen"] += 1


def sign_up(ctx: Context, name: str, welcome: bool) -> None:
    if not welcome:  # the wrong way round: who is to be welcomed is not
        with BlockingClient(load_plan(WORLD["spec"]), Settings.from_env().redis_url) as client:
            client.enqueue("charge", amount=1)


async def give_up(ctx: Context) -> None:
    raise ValueError("no")


async def picky(ctx: Context, name: str, size: int, plan: str, **more: Any) -> float:
    if plan == "pro" and size > 250:
        raise ArithmeticError(f"{size} is too much for me")
    return size / 10
