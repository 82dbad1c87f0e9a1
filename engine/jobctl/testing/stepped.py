"""A worker in the test's own process, one step after another: no threads beside it, no polling, no waiting.

It stands on the worker's own parts: the cycle claims and ends jobs by the production scripts, the execution runs them
with its validation, deadlines and error mapping, upkeep and scheduler do what they do for everyone. Only the loop that
calls them is another: it stops when nothing is due.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from redis import exceptions

from jobctl.broker import keys
from jobctl.broker.connect import connect, translate_errors
from jobctl.broker.cycle import Cycle, Turn
from jobctl.broker.record import read_wire
from jobctl.broker.upkeep import Upkeep
from jobctl.client.options import Duration, seconds
from jobctl.compiler.handlers import Handler, bind
from jobctl.compiler.plan import Plan
from jobctl.errors import UsageError
from jobctl.scheduler.ticker import Scheduler
from jobctl.spec.model import Scheduling
from jobctl.testing.broker import HarnessBroker
from jobctl.testing.faults import Fault, FaultyCallee, Play, time_out, unknown_jobs
from jobctl.testing.observed import ObservedExecution, ran_of
from jobctl.testing.ran import Ran, Runs, ran_of_record
from jobctl.testing.server import SharedLoop
from jobctl.testing.state import WorkerState
from jobctl.testing.ticking import Ticking
from jobctl.testing.waits import lose_tasks
from jobctl.worker import ending
from jobctl.worker.callees import HandlerCallee
from jobctl.worker.execution import Execution
from jobctl.worker.hooks import call_hook, failure_of
from jobctl.worker.run import Callee, Run

if TYPE_CHECKING:
    from redis.asyncio import Redis

TRIES, TRY_AGAIN_S = 200, 0.02  # of a turn, while the link to the broker is broken
NAME = "test"  # the id of the worker in records and tokens; one that was killed has a successor with a number


class SteppedWorker:
    """A worker that works when told to.

    Args:
        plan: the compiled spec.
        broker: the test's.
        state: what the startup hook makes, opened with the first job.
        concurrency: jobs at once. With one, the order in which they run is exact.
        handlers: type -> handler; None = those of the plan, imported when the first job runs.
        loop: the loop that it runs in, if that outlives it; its connections are used.
    """

    def __init__(
        self,
        plan: Plan,
        broker: HarnessBroker,
        state: WorkerState,
        *,
        concurrency: int = 1,
        handlers: Mapping[str, Handler] | None = None,
        loop: SharedLoop | None = None,
    ) -> None:
        self.plan = plan
        self.broker = broker
        self.concurrency = concurrency
        self.starts: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.history: list[Ran] = []
        self.state = state
        self._names = {job.type: job.name for job in plan.registrations}
        self._handlers = handlers
        self._shared = loop
        self._play = Play([], self)
        self.wrap: Callable[[Callee], Callee] = lambda callee: FaultyCallee(callee, self._play)
        self._lives = 0
        self._is_dead = False
        self._redis: Redis | None = None
        self._upkeep: Upkeep | None = None
        self._scheduler: Scheduler | None = None
        self._cycle: Cycle | None = None
        self._execution: ObservedExecution | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._hooks_running: set[asyncio.Task[None]] = set()
        self._performing: list[ObservedExecution] = []

    @cached_property
    def handlers(self) -> Mapping[str, Handler]:
        """Type -> handler."""
        return bind(self.plan) if self._handlers is None else self._handlers

    def inject(self, *faults: Fault) -> None:
        """Let these faults happen from now on, besides those injected before.

        Raises:
            UnknownJob: of a job that no spec declares.
        """
        unknown_jobs(faults, self.plan)
        self._play.faults.extend(faults)

    async def drain(self, *, schedules: Collection[str] | None = None) -> Runs:
        """Run everything that is due, and all that comes of it, until nothing is; return what ran.

        Args:
            schedules: fire the ticks of these schedules only; None = of all.
        """
        return await self._drain(await self._serve(schedules))

    async def advance(self, by: Duration, *, schedules: Collection[str] | None = None) -> Runs:
        """Let time pass with this worker at work: everything runs at the moment it is due; return what ran.

        Args:
            by: ``"25h"``, a timedelta, or seconds of the stepped clock.
            schedules: as for `drain`.
        """
        clock = self.broker.clock
        until_ms = clock.now_ms + round(seconds("advance", by) * 1000)
        ticking = await self._serve(schedules)
        ran = await self._drain(ticking)
        while True:
            due = [one for one in (self.broker.next_due_ms(), ticking.next_ms) if one is not None]
            if not due or min(due) > until_ms:
                break
            clock.jump_to_ms(max(min(due), clock.now_ms + 1))
            ran += await self._drain(ticking)
        clock.jump_to_ms(until_ms)
        return ran + await self._drain(ticking)

    async def run_record(self, raw: bytes) -> Ran:
        """Run one job record as a worker would, though nobody has queued it; return how it ended."""
        wire = read_wire(raw)
        state = await self.state.open()
        execution = self._make_execution("perform", state)
        self._performing.append(execution)
        before = asyncio.all_tasks()
        turn = Turn([(0, keys.job_id(wire.queue, wire.key), raw)], "perform", [], [], wire.queued, [], is_full=False)
        execution.accept(turn)
        while execution.running and not (self._is_dead or execution.is_lost):
            self._woken.clear()
            await self._woken.wait()
        self._performing.remove(execution)
        await self._finish_hooks()
        [ran] = execution.ran + await self._bury(execution, before)
        self._is_dead = False
        self.history.append(ran)
        return ran

    def kill(self) -> None:
        """Lose this worker, as by `kill -9`; another takes over, and what it held runs again when its leases end."""
        self.die()

    def pause(self) -> None:
        """Refuse: this worker works only when told to.

        Raises:
            UsageError: always; a worker process can be paused.
        """
        raise UsageError("a worker in the test's own process cannot be paused", hint='mark the test `worker="process"`')

    resume = pause

    def die(self) -> None:
        """Stop dead. Nothing that runs here is told to the broker any more."""
        self._is_dead = True
        self._poke()

    def time_out(self, key: str, limit_s: float) -> None:
        """Say that a job's time is up, as the execution's own watch does."""
        for execution in (self._execution, *self._performing):
            if execution is not None:
                time_out(execution, key, limit_s)

    def began(self, key: str) -> None:
        """Note that a handler begins."""
        self.starts[key] += 1

    def did(self, key: str) -> None:
        """Note that a handler has done all it does."""
        self.ends[key] += 1

    async def close(self) -> None:
        """End this worker: hand back what it holds, call the shutdown hook, give up the connections.

        When it is told to work again, it is another.
        """
        if self._execution is not None and self._cycle is not None:
            await self._execution.drain(0, asyncio.Event(), hard_s=0)
            with contextlib.suppress(exceptions.RedisError, OSError):
                if self._execution.ended.values:
                    await self._cycle.turn(self._execution.ended, 0)
                if self._shared is None:
                    await self._cycle.close()
        await self._finish_hooks()
        await self.state.close()
        if self._redis is not None and self._shared is None:
            await self._redis.aclose()
        self._redis = self._upkeep = self._scheduler = self._cycle = self._execution = None

    async def _serve(self, schedules: Collection[str] | None) -> Ticking:
        """Connect and begin the schedules, if that has not been done."""
        if self._redis is None:
            if self._shared is not None and not self.broker.is_direct:
                self._shared = None
            self._redis = connect(self.broker.url) if self._shared is None else self._shared.redis
            queues = [keys.QueueKeys(queue.name) for queue in self.plan.queues]
            self._upkeep = Upkeep(self._redis, queues, self.plan.registrations)
        if self._scheduler is None:
            self._scheduler = Scheduler(self.plan, self._redis)
            with self.broker.clock.at_start():  # schedules begin with the test, though this worker is the first to look
                await self._scheduler.begin()
        if self._execution is None or self._is_dead:
            await self._begin_life()
        assert self._upkeep is not None  # noqa: S101 - made with the connection
        return Ticking(self._scheduler, self._upkeep, schedules)

    async def _begin_life(self) -> None:
        self._lives += 1
        self._is_dead = False
        name = NAME if self._lives == 1 else f"{NAME}-{self._lives}"
        weights = {queue.name: queue.weight for queue in self.plan.queues}
        strict = self.plan.scheduling is Scheduling.STRICT
        if self._shared is None:
            self._cycle = Cycle(self.broker.url, weights, name, strict=strict, client=self._redis)
        else:
            self._cycle = self._shared.cycle(weights, name, strict=strict)
        self._execution = self._make_execution(name, await self.state.open())

    def _make_execution(self, name: str, state: dict[str, Any]) -> ObservedExecution:
        limits = [(queue.reserved, queue.max_running) for queue in self.plan.queues]
        self._loop = asyncio.get_running_loop()
        return ObservedExecution(
            {job: self.wrap(HandlerCallee(one, state)) for job, one in self.handlers.items()},
            worker_id=name,
            concurrency=max(self.concurrency, sum(reserved for reserved, _ in limits)),
            wake=self._woken.set,
            on_failure=self._on_failure,
            limits=limits,
            names=self._names,
        )

    async def _drain(self, ticking: Ticking) -> Runs:
        ran: list[Ran] = []
        while True:
            findings, ticks = await ticking.tick()
            lost = [
                self.broker.record(keys.split_job_id(job.id)[1]) for job in findings.recovered if job.outcome == "dead"
            ]
            ran += [ran_of_record(one, "dead", self._names, self.broker.clock.now()) for one in lost]
            worked = await self._work()
            ran += worked
            if not (worked or ticks or findings.recovered):
                self.history += ran
                return Runs(ran, self.plan)

    async def _work(self) -> list[Ran]:
        """Take turns until nothing is queued and nothing runs."""
        ran: list[Ran] = []
        before = asyncio.all_tasks()
        while True:
            cycle, execution = self._cycle, self._execution
            assert cycle is not None  # noqa: S101
            assert execution is not None  # noqa: S101 - `_serve` comes first
            turn = await self._turn(cycle, execution)
            if turn.told:
                execution.told(turn)
            execution.accept(turn)
            while execution.running and not execution.ended.values and not self._is_dead:
                self._woken.clear()
                await self._woken.wait()
            ran += execution.ran
            execution.ran = []
            if self._is_dead:
                ran += await self._bury(execution, before)
                await self._begin_life()
            elif not (turn.claims or execution.ended.values):
                await self._finish_hooks()
                return ran

    async def _turn(self, cycle: Cycle, execution: Execution) -> Turn:
        for _ in range(TRIES):
            try:
                return await cycle.turn(execution.ended, *execution.allowance())
            except (exceptions.ConnectionError, exceptions.TimeoutError, OSError):
                await asyncio.sleep(TRY_AGAIN_S)  # as a worker does; what it asked for is asked for again
        with translate_errors(self.broker.url):
            return await cycle.turn(execution.ended, *execution.allowance())

    async def _bury(self, execution: ObservedExecution, before: set[asyncio.Task[Any]]) -> list[Ran]:
        """Stop all that a worker was doing, what its handlers had begun included; nothing of it is told."""
        lost = [
            ran_of(run.wire, run.started_ms, "lost", self._names, text="its worker was killed")
            for run in execution.running.values()
        ]
        execution.running.clear()
        await lose_tasks(asyncio.all_tasks() - before - self._hooks_running)
        execution._threads.close()
        return lost

    def _on_failure(self, run: Run, verdict: ending.Verdict) -> None:
        hook = self.state.hooks.error
        if hook is not None and run.context is not None:
            task = asyncio.ensure_future(call_hook("error", hook, run.context, failure_of(run, verdict)))
            self._hooks_running.add(task)
            task.add_done_callback(self._hooks_running.discard)

    async def _finish_hooks(self) -> None:
        if self._hooks_running:
            await asyncio.wait(self._hooks_running)

    def _poke(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed
                self._loop.call_soon_threadsafe(self._woken.set)
