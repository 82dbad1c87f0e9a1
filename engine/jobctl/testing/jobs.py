"""The jobs of a spec, as a test sees them: run one without a queue, look at what is enqueued, close the books."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, cast

import msgspec

from jobctl.broker.envelope import seal
from jobctl.client.options import Duration, seconds
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan
from jobctl.errors import UsageError
from jobctl.names import did_you_mean
from jobctl.testing.accounting import Account, Books, close_books
from jobctl.testing.broker import HarnessBroker
from jobctl.testing.enqueued import Board
from jobctl.testing.faults import Fault
from jobctl.testing.idempotence import MOST_POINTS, Crash, CrashingCallee, check
from jobctl.testing.noted import Promises
from jobctl.testing.process import ProcessWorker
from jobctl.testing.ran import OUTCOMES, Ran, Runs
from jobctl.testing.server import SharedLoop
from jobctl.testing.stepped import SteppedWorker

HarnessWorker = SteppedWorker | ProcessWorker
COMPLETE = "complete"


class _Jobs(Board):
    def __init__(
        self,
        plan: Plan,
        broker: HarnessBroker,
        performer: SteppedWorker,
        worker: HarnessWorker,
        promises: Promises,
    ) -> None:
        super().__init__(plan, broker)
        self._performer = performer
        self._worker = worker
        self._promises = promises

    def account(self) -> Account:
        """Close the books: compare what was promised to this test's `client` with what became of it.

        Every acknowledged job must have been done, or given up for a stated reason; one that still waits counts as
        lost, so drain first. `Account.is_sound` says whether every promise was kept; as text it gives the counts.
        """
        promises = self._promises
        known = promises.acknowledged | promises.unanswered | promises.refused
        return close_books(
            Books(
                acknowledged=promises.acknowledged,
                unanswered=promises.unanswered,
                refused=promises.refused,
                starts={key: times for key, times in self._worker.starts.items() if key in known},
                ends={key: times for key, times in self._worker.ends.items() if key in known},
                states={record.key: record.state for record in self.broker.records() if record.key in known},
            )
        )

    def check_idempotent(
        self,
        job: str,
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        probe: Callable[[], Any],
        reset: Callable[[], Any] = lambda: None,
        key: str | None = None,
        most: int = MOST_POINTS,
        **fields: Any,
    ) -> int:
        """Insist that a job is safe to run again: run it twice, crash it at every point and run it again.

        Points are all places where an ``async def`` handler, or a task it has begun, waits; of a plain one, all lines
        of its module that it runs. Each run is a new worker's, in an event loop of its own: the startup hook is called
        unless the test gives the state.

        Args:
            job: its name or type.
            payload: field -> value.
            probe: looks at the world; whatever it returns is compared with what it returned after one run.
            reset: makes the world what it was, before each trial.
            key: the job's key.
            most: crash it at so many points at most, spread evenly over all there are.
            fields: payload fields as keywords.

        Returns:
            the number of points at which it was crashed.

        Raises:
            AssertionError: some trial left another world; the message says which, and where it was crashed.
        """
        __tracebackhide__ = True
        options = {"key": key, "queue": None, "timeout": None, "tick": None}
        raw = self._record(job, {**(payload or {}), **fields}, 1, **options)
        registration = self.plan.registration(job)
        handler = self._performer.handlers[registration.type]
        code = getattr(inspect.unwrap(handler.function), "__code__", None)

        async def deliver(crash: Crash) -> Ran:
            state = self._performer.state.anew()
            performer = SteppedWorker(self.plan, self.broker, state)
            performer.wrap = lambda callee: CrashingCallee(callee, crash)
            await state.open()
            if handler.is_async:
                asyncio.get_running_loop().set_task_factory(cast(Any, crash.make_task))
            try:
                return await performer.run_record(raw)
            finally:
                asyncio.get_running_loop().set_task_factory(None)
                await state.close()

        return check(registration.name, deliver, code, probe, reset, most)

    def _record(self, job: str, payload: Mapping[str, Any], attempt: int, **options: Any) -> bytes:
        registration = self.plan.registration(job)
        tick: datetime | None = options.pop("tick")
        timeout: Duration | None = options.pop("timeout")
        meta = None
        if tick is not None:
            meta = {"schedule": {"id": registration.name, "tick_ms": round(tick.timestamp() * 1000)}}
        envelope = seal(
            registration,
            PayloadSchema(registration.name, registration.payload).normalise(payload),
            timeout_s=None if timeout is None else seconds("timeout", timeout),
            unique=False,
            meta=meta,
            **options,
        )
        record = msgspec.json.decode(envelope.record)
        return msgspec.json.encode({**record, "queued": self.broker.clock.now_ms, "attempts": attempt - 1})


class Jobs(_Jobs):
    """The jobs of a spec, for asyncio tests."""

    async def perform(
        self,
        job: str,
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        expect: str | None = COMPLETE,
        attempt: int = 1,
        key: str | None = None,
        queue: str | None = None,
        timeout: Duration | None = None,
        tick: datetime | None = None,
        **fields: Any,
    ) -> Ran:
        """Run a job's handler as a worker would, without a queue: validation, context, timeout, hooks, error mapping.

        Args:
            job: its name or type.
            payload: field -> value. A field with the name of an option can only be given here.
            expect: how it must end: ``complete``, ``retry``, ``dead`` or ``cancelled``; None = whichever way.
            attempt: number of the attempt, from 1.
            key: the job's key.
            queue: the queue it is said to come from.
            timeout: of this attempt, instead of the spec's.
            tick: the time of the schedule's tick that is said to have made it.
            fields: payload fields as keywords; they win over ``payload``.

        Raises:
            AssertionError: it ended otherwise; the handler's own exception is its cause.
            PayloadError: the payload does not fit its declaration: a client would have refused it.
            UnknownJob: no spec declares the job.
            UsageError: nothing ever ends as ``expect`` says.
        """
        __tracebackhide__ = True
        payload = {**(payload or {}), **fields}
        _insist_on_outcome(expect)
        raw = self._record(job, payload, attempt, key=key, queue=queue, timeout=timeout, tick=tick)
        return _expect(await self._performer.run_record(raw), expect)


class BlockingJobs(_Jobs):
    """The jobs of a spec, for plain tests."""

    def __init__(self, *args: Any, loop: SharedLoop) -> None:
        super().__init__(*args)
        self._loop = loop

    def perform(
        self,
        job: str,
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        expect: str | None = COMPLETE,
        attempt: int = 1,
        key: str | None = None,
        queue: str | None = None,
        timeout: Duration | None = None,
        tick: datetime | None = None,
        **fields: Any,
    ) -> Ran:
        """Run a job's handler as a worker would; as `Jobs.perform`."""
        __tracebackhide__ = True
        payload = {**(payload or {}), **fields}
        _insist_on_outcome(expect)
        raw = self._record(job, payload, attempt, key=key, queue=queue, timeout=timeout, tick=tick)
        return _expect(self._loop.run(self._performer.run_record(raw)), expect)


class BlockingWorker:
    """A worker under test, for plain tests."""

    def __init__(self, worker: HarnessWorker, loop: SharedLoop) -> None:
        self.worker = worker
        self._loop = loop

    def drain(self, *, schedules: Collection[str] | None = None) -> Runs:
        """Run everything that is due until nothing is; as `SteppedWorker.drain`."""
        return self._loop.run(self.worker.drain(schedules=schedules))

    def advance(self, by: Duration, *, schedules: Collection[str] | None = None) -> Runs:
        """Let time pass with the worker at work; as `SteppedWorker.advance`."""
        return self._loop.run(self.worker.advance(by, schedules=schedules))

    def inject(self, *faults: Fault) -> None:
        """Let faults happen from now on; as `SteppedWorker.inject`."""
        self.worker.inject(*faults)

    def kill(self) -> None:
        """Lose the worker, as by `kill -9`; another takes over at the next drain."""
        self.worker.kill()

    def pause(self) -> None:
        """Stop a worker process in its tracks."""
        self.worker.pause()

    def resume(self) -> None:
        """Let a paused worker process go on."""
        self.worker.resume()


def _insist_on_outcome(expect: str | None) -> None:
    if expect is not None and expect not in OUTCOMES:
        hint = did_you_mean(expect, OUTCOMES) or f"there are {', '.join(OUTCOMES)}"
        raise UsageError(f"no job ends `{expect}`", hint=hint)


def _expect(ran: Ran, expect: str | None) -> Ran:
    __tracebackhide__ = True
    if expect not in (None, ran.outcome):
        told = f": {ran.text.strip()}" if ran.text else f", with the result {ran.result!r}"
        raise AssertionError(
            f"`{ran.job}` ended {ran.outcome} and not {expect} (attempt {ran.attempt} of {ran.max_attempts}){told}"
        ) from ran.error
    return ran
