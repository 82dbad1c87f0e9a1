"""Handlers that run in child processes, for `test_isolation.py`; a module, since a child imports them by path."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jobctl import Cancel, Context, Dead, RetryAfter

log = logging.getLogger("shop.images")


def note(name: str, text: str = "") -> None:
    """Leave a note where the test finds it; appears whole or not at all."""
    folder = Path(os.environ["ISOLATED_NOTES"])
    draft = folder / f".{name}.{os.getpid()}"
    draft.write_text(text)
    draft.rename(folder / name)


def startup(state: dict[str, Any]) -> None:
    state["started_in"] = os.getpid()


async def shutdown(state: dict[str, Any]) -> None:
    note(f"shutdown-{state['started_in']}")


def broken_startup(state: dict[str, Any]) -> None:
    raise ConnectionError("no database here")


def add(ctx: Context, a: int, b: int) -> dict[str, Any]:
    return {"sum": a + b, "pid": os.getpid(), "attempt": ctx.attempt, "key": ctx.key}


async def add_async(ctx: Context, a: int, b: int) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"sum": a + b, "pid": os.getpid()}


def own_loop(ctx: Context) -> int:
    return asyncio.run(asyncio.sleep(0, 7))


def state_of(ctx: Context) -> list[int]:
    return [ctx.state["started_in"], os.getpid()]


def raises(ctx: Context) -> None:
    raise ValueError("a pixel too many")


def exits_politely(ctx: Context) -> None:
    sys.exit(3)


def gives_up(ctx: Context) -> None:
    raise Dead("the tenant does not exist")


def cancels(ctx: Context) -> None:
    raise Cancel("nothing to do")


def later(ctx: Context) -> None:
    raise RetryAfter("10m", "rate limited")


def odd(ctx: Context) -> object:
    return object()


def segfault(ctx: Context) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


def vanish(ctx: Context) -> None:
    os._exit(7)


def out_of_memory(ctx: Context) -> None:
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does it
    time.sleep(60)


def sleepy(ctx: Context) -> None:
    note("running", str(os.getpid()))
    try:
        time.sleep(60)
    finally:
        note("cleaned")


async def sleepy_async(ctx: Context) -> None:
    note("running", str(os.getpid()))
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0)
        note("cleaned")


def stubborn(ctx: Context) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note("running", str(os.getpid()))
    while True:
        time.sleep(1)


def holds_interpreter(ctx: Context) -> None:
    ctypes.PyDLL(None).sleep(60)


def has_child(ctx: Context) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        note("running", str(child.pid))


def forks_and_vanishes(ctx: Context) -> None:
    if (pid := os.fork()) == 0:
        logging.getLogger().warning("from a process that must not speak")
        time.sleep(60)
    note("running", str(pid))
    os._exit(7)


def talks(ctx: Context) -> None:
    ctx.log.info("half way", extra={"pixels": 12})
    try:
        raise KeyError("colour")
    except KeyError:
        log.warning("left out", exc_info=True)
    log.debug("too much to tell")
    ctx.progress(0.5)
    note("running")
    while not (Path(os.environ["ISOLATED_NOTES"]) / "go").exists():
        time.sleep(0.01)


def beats(ctx: Context) -> str:
    for _ in range(12):
        time.sleep(0.1)
        ctx.heartbeat()
    return "still here"
