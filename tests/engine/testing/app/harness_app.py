"""What the tests of the harness run."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from jobctl import BlockingClient, Cancel, Context, Dead, Failure, RetryAfter, load_plan
from jobctl.settings import Settings

FAILURES: list[tuple[str, Failure]] = []


async def startup(state: dict[str, Any]) -> None:
    state["greeting"] = "hello"


def shutdown(state: dict[str, Any]) -> None:
    state.clear()


def on_error(ctx: Context, failure: Failure) -> None:
    FAILURES.append((ctx.key, failure))


async def greet(ctx: Context, name: str, at: datetime | None = None) -> str:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return f"{ctx.state.get('greeting')} {name}"


async def flaky(ctx: Context) -> None:
    raise ValueError(f"no luck in attempt {ctx.attempt}")


def double(ctx: Context, n: int) -> int:
    return 2 * n


async def parent(ctx: Context) -> None:
    plan = load_plan(ctx.state["spec"])
    with BlockingClient(plan, Settings.from_env().redis_url) as client:
        client.enqueue("greet", name="child")


async def tick(ctx: Context) -> str:
    return f"{ctx.tick:%d %H:%M}" if ctx.tick else "by hand"


async def stubborn(ctx: Context) -> str:
    try:
        await asyncio.sleep(0.001)
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        pass
    return "as if nothing had happened"


async def choosy(ctx: Context, how: str) -> None:
    if how == "dead":
        raise Dead("not this one")
    if how == "cancel":
        raise Cancel("never mind")
    raise RetryAfter("5m", "later")
