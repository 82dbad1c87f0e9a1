"""What subjects see, written down as they go: a JSON object a line, flushed ten times a second.

Times are `time.monotonic_ns`, one clock for all processes of a machine; so nothing has to be said about clocks that
differ. Kept in memory for a tenth of a second only: a worker's memory is one of the things that are measured.
"""

from __future__ import annotations

import asyncio
import inspect
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from jobctl.worker.memory import rss_bytes

FLUSH_S = 0.1


class Load(msgspec.Struct, array_like=True):
    """What a process had used at a moment: its CPU seconds so far, and its resident memory, bytes."""

    at_ns: int
    cpu_s: float
    rss: int


class Runs(msgspec.Struct, tag="runs"):
    """Runs of handlers, in the order of their ends: parallel lists. Times are ns."""

    keys: list[str]
    queues: list[str]
    started: list[int]
    ended: list[int]
    load: Load


class Sent(msgspec.Struct, tag="sent"):
    """Jobs enqueued: parallel lists. When each was due, when it was sent, and when the broker had taken it, ns."""

    keys: list[str]
    queues: list[str]
    due: list[int]
    sent: list[int]
    taken: list[int]
    load: Load


Line = Runs | Sent
_decode = msgspec.json.Decoder(Line).decode
_encode = msgspec.json.Encoder().encode


def load_now() -> Load:
    """Return what this process has used so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Load(time.monotonic_ns(), usage.ru_utime + usage.ru_stime, rss_bytes())


class Journal:
    """Writes a journal. Use it as a context manager."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("ab")  # noqa: SIM115 - closed by the context
        self._runs: list[tuple[str, str, int, int]] = []

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._runs:
            self.flush_runs()
        self._file.close()

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a handler, called as `function(ctx, **payload)`, whose runs are written down."""
        clock = time.monotonic_ns
        # looked up late: a flush puts another list in its place
        if inspect.iscoroutinefunction(function):

            async def run(ctx: Any, **payload: Any) -> Any:
                started = clock()
                try:
                    return await function(ctx, **payload)
                finally:
                    self._runs.append((ctx.key, ctx.queue, started, clock()))

            return run

        def run_in_thread(ctx: Any, **payload: Any) -> Any:
            started = clock()
            try:
                return function(ctx, **payload)
            finally:
                self._runs.append((ctx.key, ctx.queue, started, clock()))

        return run_in_thread

    def flush_runs(self) -> None:
        """Write the runs since the last flush, and what the process has used."""
        runs, self._runs = self._runs, []
        keys, queues, started, ended = map(list, zip(*runs, strict=True)) if runs else ([], [], [], [])
        self.write(Runs(keys, queues, started, ended, load_now()))

    def write(self, line: Line) -> None:
        """Write one line."""
        self._file.write(_encode(line) + b"\n")
        self._file.flush()

    async def keep(self, when: Awaitable[object], ready: Callable[[], None]) -> None:
        """Flush ten times a second, for ever; say when the worker serves."""
        await when
        ready()
        while True:
            self.flush_runs()
            await asyncio.sleep(FLUSH_S)


def read_journal(path: Path) -> Iterator[Line]:
    """Yield the lines of a journal; a last one that was cut short, by a kill, is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _decode(line)
