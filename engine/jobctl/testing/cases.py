"""The harness for unittest: test cases with the parts that pytest has as fixtures."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar, cast

from jobctl.testing.broker import HarnessBroker
from jobctl.testing.clock import SteppedClock
from jobctl.testing.harness import Harness, Options
from jobctl.testing.jobs import BlockingJobs, BlockingWorker, HarnessWorker, Jobs
from jobctl.testing.noted import NotedBlockingClient, NotedClient


class _Case(unittest.TestCase):
    options: ClassVar[Options] = Options(spec=["jobspecs"])
    """Where the specs are, from the current folder, and what the worker is like."""
    harness: Harness
    broker: HarnessBroker
    clock: SteppedClock

    def make_state(self) -> dict[str, Any] | None:
        """Return what handlers get as `ctx.state`; None, unless overridden, is what the startup hook makes."""
        return None


class JobsCase(_Case):
    """A plain test case: `self.jobs`, `client`, `worker`, `broker` and `clock`, new for every test."""

    jobs: BlockingJobs
    client: NotedBlockingClient
    worker: BlockingWorker

    def setUp(self) -> None:
        """Make the parts."""
        super().setUp()
        harness = self.harness = Harness(self.options, self.make_state(), is_blocking=True)
        self.addCleanup(harness.close)
        self.broker, self.clock = harness.broker, harness.broker.clock
        self.jobs = cast(BlockingJobs, harness.jobs)
        self.client = cast(NotedBlockingClient, harness.client)
        self.worker = cast(BlockingWorker, harness.worker)


class AsyncJobsCase(_Case, unittest.IsolatedAsyncioTestCase):
    """An asyncio test case; what takes time is to be awaited."""

    jobs: Jobs
    client: NotedClient
    worker: HarnessWorker

    async def asyncSetUp(self) -> None:
        """Make the parts."""
        await super().asyncSetUp()
        harness = self.harness = Harness(self.options, self.make_state())
        self.addAsyncCleanup(harness.aclose)
        self.broker, self.clock = harness.broker, harness.broker.clock
        self.jobs = cast(Jobs, harness.jobs)
        self.client = cast(NotedClient, harness.client)
        self.worker = cast(HarnessWorker, harness.worker)
