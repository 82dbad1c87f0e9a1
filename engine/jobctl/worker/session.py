"""One stretch of serving: the feed, and what runs beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from redis import exceptions

from jobctl.broker.cycle import Cycle
from jobctl.broker.keys import WAKE
from jobctl.broker.upkeep import Findings, Upkeep
from jobctl.scheduler.ticker import Scheduler
from jobctl.worker.beside import keep_running
from jobctl.worker.burst import wait_until_idle
from jobctl.worker.execution import Execution
from jobctl.worker.feed import Feed
from jobctl.worker.lines import LineKeeper
from jobctl.worker.orders import Order
from jobctl.worker.report import Reporter
from jobctl.worker.saq_duties import SWEEP_S, SaqDuties
from jobctl.worker.tally import UNKNOWN
from jobctl.worker.tasks import end_tasks
from jobctl.worker.upkeep import UpkeepLoop
from jobctl.worker.waiting import Peek

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from jobctl.worker.duties import Duties
    from jobctl.worker.worker import Worker

log = logging.getLogger(__name__)

REPORT_PERIOD_S = 5.0
RESPITE_MS = 1_000  # beyond a keeper's period: until then every living worker has renewed its leases after an outage
AWAY_S = 5.0  # upkeep is done once a second: after so long without any the broker is away
FLUSH_TIMEOUT_S = 5.0  # how long a stopping worker tries to tell the broker of its last jobs


class Session:
    """One stretch of serving: the feed and what runs beside it."""

    def __init__(self, worker: Worker, server: Redis, cycle: Cycle, execution: Execution, wake: asyncio.Event) -> None:
        self.worker = worker
        self.server = server
        self.cycle = cycle
        self.execution = execution
        self.wake = wake
        self.peeks = [Peek(worker.url, of.queued, wake.set) for of in cycle.keys]
        duties = worker.duties
        self.upkeep = UpkeepLoop(self._make_upkeep(), self._on_findings, wake.set)
        self.reporter = Reporter(
            server,
            worker.id,
            {
                "concurrency": worker.concurrency,
                "queues": worker.weights,
                "scheduling": "strict" if duties and duties.strict else "weighted",
                "fingerprint": duties.plan.fingerprint if duties else "",
                "types": sorted(execution.callees),
                "lease_ms": worker.lease_ms,
            },
        )
        self.scheduler = Scheduler(duties.plan, server) if duties and duties.run_scheduler else None
        self._scheduling: asyncio.Future[None] | None = None
        self._adopting: set[asyncio.Task[None]] = set()
        self._reported_active = 0
        self._reported_at = float("-inf")
        self._found_at = float("-inf")
        self.lines = LineKeeper(execution.held)
        self._telling = asyncio.Lock()
        self.saq = SaqDuties(
            server,
            worker.id,
            cycle.keys,
            execution,
            poke=lambda: self.upkeep.expect(0.0),
            metadata=worker.metadata,
            message=worker.queue.swept_error_message,
            sweep_s=min(SWEEP_S, worker.timers["sweep"]),
            info_s=worker.timers["worker_info"],
        )
        self.feed = Feed(
            cycle,
            execution,
            wake,
            worker.event,
            self.peeks,
            expect=self.upkeep.expect,
            burst=worker.burst and duties is not None,
            patience_s=worker.patience_s,
        )

    async def run(self) -> None:
        """Serve until the worker's event is set and everything has been told."""
        beside: list[Callable[[], Awaitable[None]]] = [peek.run for peek in self.peeks]
        beside += [self.upkeep.run, self._listen]
        if self.worker.burst and self.worker.duties is None:
            beside.append(self._end_burst)
        tasks = [asyncio.ensure_future(keep_running(work)) for work in beside]
        if self.scheduler is not None:
            self._scheduling = asyncio.ensure_future(keep_running(self.scheduler.run))
        stopper = asyncio.ensure_future(self._wake_when_stopping())
        logging.getLogger().addHandler(self.lines)
        try:
            try:
                await self.feed.run()
            except asyncio.CancelledError:
                self.worker.event.set()  # to cancel a worker is to ask it to stop, as with SAQ's
            self.worker.exit_code = self.feed.exit_code
            await self._drain_whole()
        finally:
            logging.getLogger().removeHandler(self.lines)
            beginning = [] if self._scheduling is None else [self._scheduling]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_TIMEOUT_S):
                    await self._telling.acquire()  # what is cut off may have been counted, or not
            await end_tasks([*tasks, *beginning, *self._adopting, stopper])
            await self._farewell()

    def adopt(self) -> None:
        """Go on with the worker's new duties: the same queues, other jobs and schedules."""
        worker, duties = self.worker, self.worker.duties
        assert duties is not None  # noqa: S101 - only a worker of a plan takes another
        self.execution.callees = worker._callees(None)
        self.upkeep.replace(self._make_upkeep())
        self.reporter.tell(fingerprint=duties.plan.fingerprint, types=sorted(self.execution.callees))
        self._reported_at = float("-inf")
        task = asyncio.ensure_future(self._begin_schedules(duties))
        self._adopting.add(task)
        task.add_done_callback(self._adopting.discard)
        self.wake.set()  # records of types that nobody knew may wait

    async def _begin_schedules(self, duties: Duties) -> None:
        former, self._scheduling = self._scheduling, None
        if former is not None:
            await end_tasks([former])
        await self.worker._leave_plan(self.server)
        # a later plan may have come meanwhile
        if duties.run_scheduler and duties is self.worker.duties:
            self.scheduler = Scheduler(duties.plan, self.server)
            self._scheduling = asyncio.ensure_future(keep_running(self.scheduler.run))

    def _make_upkeep(self) -> Upkeep:
        duties = self.worker.duties
        registrations = duties.plan.registrations if duties else ()
        respite_ms = self.worker.lease_ms // 3 + RESPITE_MS
        # a worker made as SAQ's queues what is due as SAQ's: by its own clock, in `schedule`
        promote = duties is not None
        return Upkeep(
            self.server,
            self.cycle.keys,
            registrations,
            promote=promote,
            respite_ms=respite_ms,
            worker_id=self.worker.id,
        )

    async def _end_burst(self) -> None:
        await wait_until_idle(self.execution, self.worker.dequeue_timeout)
        self.worker.event.set()

    async def _wake_when_stopping(self) -> None:
        await self.worker.event.wait()
        self.wake.set()

    async def _drain_whole(self) -> None:
        """Stop, also when cancelled again, which hurries it: jobs that nobody watches any more would go on running."""
        draining = asyncio.ensure_future(self._drain())
        while not draining.done():
            try:
                await asyncio.shield(draining)
            except asyncio.CancelledError:
                self.worker.hurry.set()
        draining.result()

    async def _drain(self) -> None:
        """Stop: no more claims, the grace for what runs, hand back the rest, tell the broker."""
        worker, execution = self.worker, self.execution
        teller = asyncio.ensure_future(self.feed.tell_until_cancelled())
        await execution.drain(worker.grace_s, worker.hurry, worker.hard_s)
        await end_tasks([teller])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self.feed.flush()
        if execution.ended.values:
            log.error(
                "the broker did not take the end of some jobs; they run again when their leases end",
                extra={"jobs": len(execution.ended)},
            )

    async def _farewell(self) -> None:
        """Leave the last lines and counts, and take the reports away."""
        with contextlib.suppress(exceptions.RedisError, TimeoutError):
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self.lines.flush_to(self.server)
                await self.reporter.flush(self.execution.tally, int(time.time() * 1000), self._has_handler)
                await self.reporter.retire()
                await self.saq.retire()

    @property
    def is_broker_up(self) -> bool:
        """Whether the upkeep has lately reached the broker."""
        return time.monotonic() - self._found_at < AWAY_S

    async def _on_findings(self, findings: Findings) -> None:
        self._found_at = time.monotonic()
        for job in findings.recovered:
            queue = job.id.split(":")[2]
            self.execution.tally.ended(queue, job.type, job.outcome, UNKNOWN)
            facts = {"id": job.id, "type": job.type, "lost_worker": job.worker}
            if job.outcome == "dead":
                log.error("job dead: its workers were lost too often", extra=facts)
            else:
                log.warning("job handed out again: its worker was lost", extra=facts)
        self._obey(findings)
        # what the feed has seen, not what the upkeep saw before: a queue may be paused and resumed between two upkeeps
        if any(left < 0 and not paused for left, paused in zip(self.feed.ready, findings.paused, strict=False)):
            self.wake.set()
        if self.scheduler is not None:
            self.scheduler.set_clock(findings.now_ms)
        await self.saq.tick()
        if self.worker.duties is None:
            await self.worker.schedule()
        async with self._telling:
            await self._tell(findings.now_ms)

    async def _tell(self, now_ms: int) -> None:
        """Leave lines and counts with the broker, and now and then a report."""
        with contextlib.suppress(exceptions.OutOfMemoryError):  # a full broker: the lines wait, within bounds
            await self.lines.flush_to(self.server)
        await self.reporter.flush(self.execution.tally, now_ms, self._has_handler)
        now_at = time.monotonic()
        busy = any(getattr(run.context, "fraction", None) is not None for run in self.execution.running.values())
        # somebody who made it quiet, or stops it, waits for its last job
        is_nearing = self._state() != "running" and len(self.execution.running) != self._reported_active
        if busy or is_nearing or now_at - self._reported_at >= REPORT_PERIOD_S:
            await self.reporter.report(now_ms, self.execution.running, self.execution.tally.starts, self._state())
            self._reported_at, self._reported_active = now_at, len(self.execution.running)

    def _has_handler(self, job_type: str) -> bool:
        return job_type in self.execution.callees

    def _obey(self, findings: Findings) -> None:
        """Do what an operator has told this worker, once."""
        worker = self.worker
        order = worker.orders.take(findings.order, findings.now_ms)
        if order is None:
            return
        log.info("told by an operator", extra={"order": order.value, "running": len(self.execution.running)})
        self._reported_at = float("-inf")  # who told it waits for the report
        match order:
            case Order.SERVE | Order.QUIET:
                self.wake.set()
            case Order.STOP:
                worker.request_stop()
            case Order.STOP_NOW:
                worker.hurry.set()
                worker.request_stop()

    def _state(self) -> str:
        if self.worker.event.is_set():
            return "stopping"
        return "quiet" if self.worker.orders.is_quiet else "running"

    async def _listen(self) -> None:
        """Hear when something became due, was resumed or cancelled, without polling for it."""
        while True:
            try:
                async with self.server.pubsub() as subscription:
                    await subscription.subscribe(WAKE)
                    while True:
                        message = await subscription.get_message(ignore_subscribe_messages=True, timeout=5.0)
                        if message is not None:
                            self.upkeep.expect(0.0)
                            self.wake.set()
            except (exceptions.RedisError, OSError):
                await asyncio.sleep(1.0 + random.random())
