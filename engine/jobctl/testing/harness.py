"""The harness of one test: broker, clock, jobs, worker and client, made together and ended together."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from jobctl.compiler.plan import Plan
from jobctl.errors import UsageError
from jobctl.testing.broker import HarnessBroker
from jobctl.testing.clock import stepped_scripts
from jobctl.testing.jobs import BlockingJobs, BlockingWorker, HarnessWorker, Jobs
from jobctl.testing.noted import NotedBlockingClient, NotedClient, Promises
from jobctl.testing.process import ProcessWorker
from jobctl.testing.ran import Runs
from jobctl.testing.server import shared_server
from jobctl.testing.specs import plan_of
from jobctl.testing.state import WorkerState
from jobctl.testing.stepped import SteppedWorker
from jobctl.worker.process import resolve_hooks

WorkerKind = Literal["stepped", "process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a test may choose.

    Attributes:
        spec: files or folders of specs.
        worker: ``stepped``, in the test's process, or ``process``: a real `jobctl run`.
        concurrency: jobs at once. With one, the order in which they run is exact.
        start: where the clock stands at first; None = the machine's time.
        cwd: the folder that a worker process runs in; None = the current one.
        variables: more variables of a worker process's environment.
        arguments: more arguments of a worker process's command line.
    """

    spec: Sequence[str | Path]
    worker: WorkerKind = "stepped"
    concurrency: int = 1
    start: datetime | None = None
    cwd: Path | None = None
    variables: Mapping[str, str] | None = None
    arguments: Sequence[str] = ()


class Harness:
    """All that one test has. Its parts are made when they are asked for.

    Args:
        options: what the test chose.
        state: what handlers get as `ctx.state`; None = what the application's startup hook makes.
        is_blocking: the test is a plain one, and does not await what it calls.
    """

    def __init__(self, options: Options, state: dict[str, Any] | None = None, *, is_blocking: bool = False) -> None:
        if options.worker not in ("stepped", "process"):
            raise UsageError(f"there is no worker `{options.worker}`", hint="there are `stepped` and `process`")
        self.options = options
        self.promises = Promises()
        self._state = state
        self._opened = ExitStack()
        server = shared_server()
        self.loop = server.loop if is_blocking else None
        self._opened.enter_context(stepped_scripts())
        self.broker = HarnessBroker(server, options.start)
        self._opened.callback(self.broker.close)
        self._opened.callback(_restore_variable, "REDIS_URL", os.environ.get("REDIS_URL"))
        os.environ["REDIS_URL"] = server.url  # the application under test enqueues there

    @cached_property
    def plan(self) -> Plan:
        """The compiled spec."""
        return plan_of(self.options.spec)

    @cached_property
    def stepped(self) -> SteppedWorker:
        """The worker in this process."""
        state = WorkerState(lambda: resolve_hooks(self.plan), self._state)
        return SteppedWorker(self.plan, self.broker, state, concurrency=self.options.concurrency, loop=self.loop)

    @cached_property
    def jobs(self) -> Jobs | BlockingJobs:
        """The jobs of the spec."""
        parts = (self.plan, self.broker, self.stepped, self._chosen, self.promises)
        return Jobs(*parts) if self.loop is None else BlockingJobs(*parts, loop=self.loop)

    @cached_property
    def worker(self) -> HarnessWorker | BlockingWorker:
        """The worker that the test chose."""
        return self._chosen if self.loop is None else BlockingWorker(self._chosen, self.loop)

    @property
    def history(self) -> Runs:
        """Everything that has run so far."""
        made = {id(one): one for one in (vars(self).get("stepped"), vars(self).get("_chosen")) if one is not None}
        return Runs([ran for worker in made.values() for ran in worker.history])

    @cached_property
    def client(self) -> NotedClient | NotedBlockingClient:
        """A client that enqueues on this test's broker, and notes what was promised."""
        client: NotedClient | NotedBlockingClient
        clock = self.broker.clock
        if self.loop is None:
            client = NotedClient(self.plan, self.broker.url, clock=clock)
        elif self.broker.is_direct:
            client = NotedBlockingClient(self.plan, redis=self.broker.redis, clock=clock)
        else:
            client = NotedBlockingClient(self.plan, self.broker.url, clock=clock)
        client.promises = self.promises
        return client

    @cached_property
    def _chosen(self) -> HarnessWorker:
        if self.options.worker == "stepped":
            return self.stepped
        folder = self._opened.enter_context(tempfile.TemporaryDirectory(prefix="jobctl-worker-"))
        return ProcessWorker(
            self.plan,
            [Path(path).absolute() for path in self.options.spec],
            self.broker,
            Path(folder),
            cwd=self.options.cwd,
            concurrency=self.options.concurrency,
            variables=self.options.variables,
            arguments=self.options.arguments,
        )

    async def aclose(self) -> None:
        """End all of it, in the event loop that it has been used in."""
        await self.rest()
        self.release()

    async def rest(self) -> None:
        """End what belongs to the event loop: connections, workers, their state. They begin anew when used again."""
        made = vars(self)
        client = made.get("client")
        if isinstance(client, NotedClient):
            await client.close()
        elif client is not None:
            client.close()
        for worker in {id(one): one for one in (made.get("_chosen"), made.get("stepped")) if one is not None}.values():
            await worker.close()

    def release(self) -> None:
        """Give up the broker and restore the environment; nothing to do the second time."""
        self._opened.close()

    def close(self) -> None:
        """End all of it, after a plain test."""
        assert self.loop is not None  # noqa: S101 - an asyncio test calls `aclose`
        self.loop.run(self.aclose())
        self.loop.tidy()


def _restore_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
