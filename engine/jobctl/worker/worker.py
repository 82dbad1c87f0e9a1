"""The worker: a `saq.Worker` whose slots are fed by the cycle instead of by one `dequeue` each.

Its parts: the feed (one turn after another: end what has finished, claim what is next), the execution (runs the jobs),
the lease keeper (a thread), the peeks (how it waits), the upkeep (what it does for everyone), the reporter, and the
scheduler beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from redis import exceptions
from saq import Worker as SaqWorker
from saq import worker as saq_worker

from jobctl import tracing
from jobctl.broker.applied import write_plan
from jobctl.broker.connect import connect, url_of
from jobctl.broker.cycle import LEASE_MS
from jobctl.broker.queue import JobQueue
from jobctl.compiler.facts import facts
from jobctl.compiler.handlers import Handler
from jobctl.compiler.plan import Plan
from jobctl.durations import format_duration
from jobctl.errors import UsageError
from jobctl.settings import DEFAULT_CONCURRENCY, DEFAULT_GRACE_S
from jobctl.spec.model import Isolation, Scheduling
from jobctl.worker import ending
from jobctl.worker.beside import Beside, keep_running
from jobctl.worker.burst import CountedExecution
from jobctl.worker.callees import HandlerCallee
from jobctl.worker.duties import PATIENCE_S, Duties, needs_session, slot_limits
from jobctl.worker.execution import Execution
from jobctl.worker.hooks import WorkerHooks, await_hook, call_hook, call_startup, failure_of
from jobctl.worker.isolation.callee import IsolatedCallee
from jobctl.worker.isolation.pool import ProcessPool
from jobctl.worker.keeper import LeaseKeeper
from jobctl.worker.orders import GatedCycle, Orders
from jobctl.worker.run import Callee, Run
from jobctl.worker.saq_cron import enqueue_next_runs
from jobctl.worker.session import FLUSH_TIMEOUT_S, Session
from jobctl.worker.signals import heard
from jobctl.worker.stock_callee import StockCallee, StockHost
from jobctl.worker.tasks import end_tasks
from jobctl.worker.traced_callee import TracedCallee

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from saq.queue import Queue
    from saq.types import WorkerInfo

log = logging.getLogger(__name__)

DESTINATIONS = "jobctl.alerts"
"""Where a worker's state has, for the handler that delivers alerts: alert -> destinations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a worker is.

    Attributes:
        is_broker_up: its upkeep, once a second, has lately reached the broker.
        busy: jobs it runs.
        leases: leases it keeps: of running jobs, and of ended ones that the broker has not been told of.
        untold: those.
        totals: what it counted, see `jobctl.worker.tally.Tally.totals`. To be read, not written.
    """

    is_broker_up: bool = False
    busy: int = 0
    leases: int = 0
    untold: int = 0
    totals: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Worker(SaqWorker[Any]):
    """Runs jobs until stopped. Make one for a plan with `for_plan`; or, as SAQ's, from a queue and functions."""

    def __init__(self, queue: Queue, functions: Any = (), *, duties: Duties | None = None, **options: Any) -> None:
        options.setdefault("id", secrets.token_hex(6))
        super().__init__(queue, functions, **options)
        self.exit_code = 0
        self.duties = duties
        self.metadata = self._metadata
        self.hard_s = self._cancellation_hard_deadline_s
        self.job_queue = JobQueue.beside(queue)
        self.id = re.sub(r"[^\w.-]", "-", self.id)  # it stands in tokens, keys and records
        self.weights = dict(duties.weights) if duties else {queue.name: 1}
        self.lease_ms = duties.lease_ms if duties else LEASE_MS
        self.patience_s = duties.patience_s if duties else PATIENCE_S
        self.grace_s = float(self._shutdown_grace_period_s or 0)
        self.state: dict[str, Any] = {}
        self.url = url_of(self.job_queue.redis) if self.job_queue else ""
        self.hurry = asyncio.Event()
        self.orders = Orders()
        self._hook_tasks: set[asyncio.Task[None]] = set()
        self._session: Session | None = None
        self._next: Duties | None = None
        self.beside: Beside | None = None
        self.started = asyncio.Event()
        self._execution: Execution | None = None
        self._serving: asyncio.Task[Any] | None = None
        self._served = asyncio.Event()
        self._host: StockHost | None = None

    @classmethod
    def for_plan(
        cls,
        plan: Plan,
        handlers: Mapping[str, Handler],
        *,
        url: str,
        concurrency: int = DEFAULT_CONCURRENCY,
        weights: Mapping[str, int] | None = None,
        burst: bool = False,
        grace_s: float = DEFAULT_GRACE_S,
        run_scheduler: bool = True,
        hooks: WorkerHooks | None = None,
        lease_ms: int = LEASE_MS,
        patience_s: float = PATIENCE_S,
        beside: Beside | None = None,
    ) -> Worker:
        """Make a worker for a compiled spec.

        Args:
            plan: the compiled spec.
            handlers: type -> handler, from `jobctl.compiler.handlers.bind`.
            url: the broker.
            concurrency: most jobs at once.
            weights: serve these queues only, with these weights; None = all of the plan's.
            burst: end when nothing is due and nothing runs.
            grace_s: seconds a stopping worker waits for its jobs before it hands them back.
            run_scheduler: fire the plan's schedules.
            hooks: startup, shutdown and error functions of the application.
            lease_ms: how long after a worker's death its jobs run again.
            patience_s: seconds without the broker after which it ends.
            beside: what runs as long as the worker does, such as `jobctl.worker.watch.Watch.run`.
        """
        served = dict(weights) if weights else {queue.name: queue.weight for queue in plan.queues}
        duties = Duties(
            plan=plan,
            handlers=handlers,
            weights=served,
            strict=plan.scheduling is Scheduling.STRICT,
            hooks=hooks or WorkerHooks(),
            lease_ms=lease_ms,
            patience_s=patience_s,
            run_scheduler=run_scheduler and not burst,
        )
        queue = JobQueue.from_url(url, name=next(iter(served)))
        worker = cls(queue, duties=duties, concurrency=concurrency, burst=burst, dequeue_timeout=1.0)
        worker.grace_s = grace_s
        worker.beside = beside
        return worker

    async def run(self) -> int:
        """Run until stopped or, in burst mode, until nothing is due; return the exit code (0, or 4: broker lost)."""
        await self.start()
        return self.exit_code

    async def start(self) -> None:
        """Run until stopped. With a queue that the cycle cannot feed (SAQ's HTTP proxy, say) as SAQ's worker does."""
        if self.job_queue is None:
            await super().start()
            return
        self.event = asyncio.Event()
        self._stopped = False
        self._serving, self._served = asyncio.current_task(), asyncio.Event()
        with heard(self.SIGNALS, self._on_signal):
            companion = None
            if (beside := self.beside) is not None:
                companion = asyncio.ensure_future(keep_running(partial(beside, self), beside.__qualname__))
            try:
                await self._serve()
                while self._next is not None and self.exit_code == 0:
                    await self._serve_next(self._next)
            except asyncio.CancelledError:
                log.debug("worker cancelled")
            finally:
                self._stopped = True
                if companion is not None:
                    await end_tasks([companion])
                self._serving = None
                self._served.set()

    def apply(
        self,
        plan: Plan,
        handlers: Mapping[str, Handler],
        *,
        weights: Mapping[str, int] | None = None,
        hooks: WorkerHooks | None = None,
    ) -> bool:
        """Serve another plan from now on; no job is dropped. Called on the worker's event loop.

        Jobs, handlers and schedules are exchanged between two turns, and runs under way end as they began. What a
        turn is made of (queues, weights, slots), isolated jobs and the startup and shutdown hooks take a new session:
        the worker claims no more, gives what runs its grace, hands the rest back, which costs no retry, and goes on
        with the new plan.

        Args:
            plan: the new plan.
            handlers: its handlers, by type.
            weights: as for `for_plan`.
            hooks: its hooks.

        Returns:
            whether a new session is needed.

        Raises:
            UsageError: the plan cannot be served by this worker; it goes on with the old one.
        """
        old = self._next or self.duties
        if old is None:
            raise UsageError("this worker has functions and no plan")
        new = replace(
            old,
            plan=plan,
            handlers=handlers,
            weights=dict(weights) if weights else {queue.name: queue.weight for queue in plan.queues},
            strict=plan.scheduling is Scheduling.STRICT,
            hooks=hooks or WorkerHooks(),
        )
        slot_limits(new, self.concurrency)
        if self._next is None and not needs_session(old, new, self.concurrency):
            self.duties = new
            if self._session is not None:
                self._session.adopt()
            return False
        if not self.event.is_set() or self._next is not None:  # it is not to begin anew when it was told to stop
            self._next = new
            self.event.set()
        return True

    async def _serve_next(self, duties: Duties) -> None:
        """Begin anew with other duties; with the former ones, should the new ones' startup fail."""
        former = self.duties
        self._take(duties)
        try:
            await self._serve()
        except Exception:
            if self.started.is_set() or former is None:
                raise
            log.exception("the new plan cannot be served; going on with the former one")
            if self.event.is_set():
                return  # told to stop meanwhile
            self._take(former)
            await self._serve()

    def _take(self, duties: Duties) -> None:
        self._next, self.duties, self.weights = None, duties, dict(duties.weights)
        self.state.clear()
        self.started.clear()
        self.event.clear()

    @property
    def condition(self) -> Condition:
        """How this worker is right now."""
        execution = self._execution
        if execution is None:
            return Condition()
        return Condition(
            is_broker_up=self._session is not None and self._session.is_broker_up,
            busy=len(execution.running),
            leases=len(execution.held),
            untold=len(execution.ended),
            totals=execution.tally.totals,
        )

    @property
    def processed(self) -> int:
        """Jobs this worker has ended so far, however they ended (count)."""
        return self._execution.processed if self._execution else 0

    async def stop(self) -> None:
        """Ask the worker to stop, and wait until it has: no more claims, the grace, then it hands back what runs."""
        self.request_stop()
        if self._serving is not None and self._serving is not asyncio.current_task():
            await self._served.wait()
        elif self._serving is None:
            await super().stop()  # what SAQ's `process` has begun; once

    def request_stop(self) -> None:
        """Ask the worker to stop, from a callback of its event loop."""
        self._next = None  # a drain for another plan that is under way is the last one
        self.event.set()

    def _on_signal(self, number: int) -> None:
        if self._next is not None:
            self.request_stop()
            log.info("stopping", extra={"signal": signal.Signals(number).name})
        elif self.event.is_set():
            log.warning("second signal: handing running jobs back at once")
            self.hurry.set()
        else:
            log.info("stopping", extra={"signal": signal.Signals(number).name, "grace": format_duration(self.grace_s)})
            self.event.set()

    async def _serve(self) -> None:
        server = connect(self.url, max_connections=6)
        cycle = GatedCycle(
            self.url,
            self.weights,
            self.id,
            strict=bool(self.duties and self.duties.strict),
            lease_ms=self.lease_ms,
            orders=self.orders,
        )
        wake = asyncio.Event()
        pool = self._make_pool()
        most = self.max_burst_jobs if self.burst else None
        make = Execution if most is None else partial(CountedExecution, most=most)
        execution = self._execution = make(
            self._callees(pool),
            worker_id=self.id,
            concurrency=self.concurrency,
            wake=wake.set,
            on_failure=self._on_failure,
            limits=slot_limits(self.duties, self.concurrency) if self.duties else (),
        )
        loop = asyncio.get_running_loop()

        def tell_lost(deliveries: list[tuple[str, str]]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the worker has ended meanwhile
                loop.call_soon_threadsafe(execution.lost, deliveries)

        keeper = LeaseKeeper(
            self.url,
            cycle.keys,
            execution.held,
            self.lease_ms,
            tell_lost,
        )
        await self._run_startup()
        if pool is not None:
            await pool.open()
        self.started.set()
        log.info(
            "worker started",
            extra={
                "worker": self.id,
                "concurrency": self.concurrency,
                "queues": self.weights,
                "jobs": len(execution.callees),
            },
        )
        keeper.start()
        served = None
        while served is not self.duties:  # another plan may be applied until there is a session to adopt it
            served = self.duties
            execution.callees = self._callees(pool)
            await self._leave_plan(server)
        session = self._session = Session(self, server, cycle, execution, wake)
        try:
            await session.run()
        finally:
            self._session = None
            keeper.end()
            if pool is not None:
                await pool.close()
            await self._finish_hooks()
            with contextlib.suppress(exceptions.RedisError, TimeoutError):
                async with asyncio.timeout(FLUSH_TIMEOUT_S):
                    await cycle.close()
            await server.aclose()
            self._close_threads()
            if self.duties is not None and self.job_queue is not None:  # a queue that was given to us is its owner's
                with contextlib.suppress(exceptions.RedisError):  # SAQ's way to leave asks the broker, it may be away
                    await self.job_queue.disconnect()
            await self._run_shutdown()
            log.info("worker stopped", extra={"worker": self.id, "processed": execution.processed})

    async def schedule(self, lock: int = 1) -> None:
        """Enqueue the next run of each of SAQ's cron jobs, and queue what is due."""
        await enqueue_next_runs(self.queue, self.cron_jobs, self.cron_tz)
        due = await (self.job_queue or self.queue).schedule(lock)
        if due:
            saq_worker.logger.info("Scheduled %s", due)

    async def worker_info(self, ttl: int = 60) -> WorkerInfo:
        """Report this worker to SAQ's page; return the report."""
        if self._session is None:
            return await super().worker_info(ttl)
        return await self._session.saq.tell(ttl)

    async def _leave_plan(self, server: Redis) -> None:
        """Leave the plan in the broker, for `jobctl spec plan` to compare with."""
        if self.duties is not None:
            with contextlib.suppress(exceptions.RedisError):
                await write_plan(server, facts(self.duties.plan), self.id)

    def _make_pool(self) -> ProcessPool | None:
        """Return the pool of processes for isolated jobs, if the plan has any."""
        if self.duties is None:
            return None
        plan = self.duties.plan
        isolated = [job for job in plan.registrations if job.isolation is Isolation.PROCESS]
        return ProcessPool(isolated, plan.hooks, self.concurrency, self.event.is_set) if isolated else None

    def _callees(self, pool: ProcessPool | None) -> dict[str, Callee]:
        callees: dict[str, Callee] = {}
        if self.functions and self.job_queue is not None:
            self._close_threads()
            host = self._host = StockHost(
                self.job_queue,
                self.id,
                self.context,
                self._before_process,
                self._after_process,
                self._run_of,
                self.concurrency,
            )
            callees = {name: StockCallee(function, host) for name, function in self.functions.items()}
        if self.duties is not None:
            if alerts := self.duties.plan.alerts:
                self.state[DESTINATIONS] = {alert.name: alert.to for alert in alerts}
            is_traced = tracing.is_on()  # by now: the startup hook may have set the tracer provider
            for job_type, handler in self.duties.handlers.items():
                if pool is not None and handler.registration.isolation is Isolation.PROCESS:
                    callees[job_type] = IsolatedCallee(handler, self.state, pool)
                else:
                    callees[job_type] = HandlerCallee(handler, self.state)
                if is_traced:
                    callees[job_type] = TracedCallee(callees[job_type], self._run_of)
        return callees

    def _close_threads(self) -> None:
        if self._host is not None:
            self._host.threads.close()

    def _run_of(self, job_id: str) -> Run | None:
        return self._execution.running.get(job_id) if self._execution else None

    def _on_failure(self, run: Run, verdict: ending.Verdict) -> None:
        hook = self.duties.hooks.error if self.duties else None
        if hook is None or run.callee is None or run.context is None:
            return
        failure = failure_of(run, verdict)
        task = asyncio.get_running_loop().create_task(call_hook("error", hook, run.context, failure))
        self._hook_tasks.add(task)
        task.add_done_callback(self._hook_tasks.discard)

    async def _run_startup(self) -> None:
        for function in self.startup or ():
            await function(self.context)
        if self.duties and self.duties.hooks.startup:
            await call_startup(self.duties.hooks.startup, self.state)

    async def _run_shutdown(self) -> None:
        if not self.started.is_set():
            return
        for function in [self.shutdown] if callable(self.shutdown) else self.shutdown or ():
            await await_hook(function, self.context)
        if self.duties and self.duties.hooks.shutdown:
            await call_hook("shutdown", self.duties.hooks.shutdown, self.state)

    async def _finish_hooks(self) -> None:
        if self._hook_tasks:
            await asyncio.wait(self._hook_tasks, timeout=FLUSH_TIMEOUT_S)
