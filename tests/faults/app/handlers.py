"""What the fault suite runs: handlers that write down, outside the broker, that they began and that they are done."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time

from jobctl import Context
from jobctl.testing.journal import DONE, START, Journal

journal = Journal(os.environ["JOURNAL"])
HOLD_S = int(os.environ.get("HOLD_MS", "0")) / 1000
# PyDLL, unlike CDLL, keeps the interpreter lock during the call
LIBC = ctypes.PyDLL(None)


async def brief(ctx: Context, ms: int) -> None:
    journal.write(START, ctx.key)
    await asyncio.sleep(ms / 1000)
    journal.write(DONE, ctx.key)


async def held(ctx: Context) -> None:
    journal.write(START, ctx.key)
    await asyncio.sleep(HOLD_S)
    journal.write(DONE, ctx.key)


def plain(ctx: Context, ms: int) -> None:
    journal.write(START, ctx.key)
    time.sleep(ms / 1000)
    journal.write(DONE, ctx.key)


async def blocks(ctx: Context, ms: int) -> None:
    journal.write(START, ctx.key)
    time.sleep(ms / 1000)
    journal.write(DONE, ctx.key)


async def holds_interpreter(ctx: Context, ms: int) -> None:
    journal.write(START, ctx.key)
    if len(journal.entries(START, ctx.key)) == 1:  # the second time it behaves
        LIBC.usleep(ms * 1000)
    journal.write(DONE, ctx.key)


async def kills_its_worker(ctx: Context) -> None:
    journal.write(START, ctx.key)
    os.kill(os.getpid(), signal.SIGKILL)
