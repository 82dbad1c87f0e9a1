"""Faults of handlers and workers, as data: what goes wrong, in which job, at which attempt, at which point, how often.

They are played around the handlers of a worker: of the worker in a test's own process, or, by `hosted`, of a real
`jobctl run`. Faults of the link to the broker are `jobctl.testing.proxy`'s.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol

from jobctl.broker.record import Wire
from jobctl.compiler.plan import Plan, Registration
from jobctl.durations import format_duration
from jobctl.errors import UsageError
from jobctl.testing.waits import AtWaits, WorkerLost
from jobctl.worker.execution import Execution
from jobctl.worker.run import Callee, Cause

Point = Literal["start", "end"] | int
"""Where in a handler: before its first step, after its last one and before the broker knows, or at its n-th wait."""


class InjectedFailure(Exception):
    """An attempt that a test made fail."""


class Harm(StrEnum):
    """What a fault does."""

    FAIL = "fail"
    KILL = "kill"
    BLOCK = "block"
    OVERRUN = "overrun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. Make one with `fail`, `kill`, `block` or `overrun`.

    Attributes:
        job: in jobs of this name or type; "" = in any.
        attempts: in these attempts, from 1; empty = in any.
        times: so often at most; None = always.
        at: the point in the handler.
        seconds: how long the loop is blocked.
        error: what is raised instead of running the handler.
    """

    harm: Harm
    job: str = ""
    attempts: tuple[int, ...] = ()
    times: int | None = None
    at: Point = "start"
    seconds: float = 0.0
    error: BaseException | None = None

    def __post_init__(self) -> None:
        """Refuse a point that no handler comes to: the fault would never be, and nobody would know.

        Raises:
            UsageError: the point is none of ``start``, ``end`` and the numbers from 1.
        """
        is_point = self.at in ("start", "end") or (isinstance(self.at, int) and self.at >= 1)
        if not is_point:
            raise UsageError(
                f"a handler has no point `{self.at}`", hint='"start", "end", or n for its n-th wait, from 1'
            )

    def concerns(self, registration: Registration, attempt: int) -> bool:
        """Whether it is about this attempt of this job."""
        return self.job in ("", registration.name, registration.type) and (
            not self.attempts or attempt in self.attempts
        )


def fail(job: str = "", *, attempts: Collection[int] | int = (), error: BaseException | None = None) -> Fault:
    """Fail the n-th attempts instead of running the handler: with an outcome such as ``Dead("...")``, or any error."""
    return Fault(harm=Harm.FAIL, job=job, attempts=_numbers(attempts), error=error or InjectedFailure("injected"))


def kill(job: str = "", *, at: Point = "start", times: int | None = 1) -> Fault:
    """Kill the worker at a point of the handler, as `kill -9` does: nothing of it runs on, its leases live on."""
    return Fault(harm=Harm.KILL, job=job, at=at, times=times)


def block(job: str = "", *, seconds: float, attempts: Collection[int] | int = (), times: int | None = None) -> Fault:
    """Block the worker's event loop before the handler (a plain handler blocks its own thread), seconds."""
    return Fault(harm=Harm.BLOCK, job=job, attempts=_numbers(attempts), times=times, seconds=seconds)


def overrun(job: str = "", *, at: Point = 1, attempts: Collection[int] | int = (), times: int | None = None) -> Fault:
    """Let the job outlast its timeout at a point of its handler, without waiting for it: its worker says time is up."""
    return Fault(harm=Harm.OVERRUN, job=job, at=at, attempts=_numbers(attempts), times=times)


def _numbers(attempts: Collection[int] | int) -> tuple[int, ...]:
    return (attempts,) if isinstance(attempts, int) else tuple(attempts)


class Stage(Protocol):
    """Where faults are played: what a worker can be made to suffer."""

    def die(self) -> None:
        """Kill the worker. A real one does not come back from this."""
        ...

    def time_out(self, key: str, limit_s: float) -> None:
        """Say that a job's time is up."""
        ...

    def began(self, key: str) -> None:
        """Note that a handler begins."""
        ...

    def did(self, key: str) -> None:
        """Note that a handler has done all it does."""
        ...


Strike = tuple[int, Fault]
"""A fault that may happen to a delivery, with its place among the faults."""


class Play:
    """The faults of one worker, and how often each may still be.

    Args:
        faults: what goes wrong.
        stage: the worker it happens to.
        folder: where a worker that may be killed notes what has been; None = in memory.
    """

    def __init__(self, faults: Sequence[Fault], stage: Stage, folder: Path | None = None) -> None:
        self.faults = list(faults)
        self.stage = stage
        self._folder = folder
        self._done: dict[int, int] = {}
        self._guard = threading.Lock()

    def due(self, registration: Registration, attempt: int) -> list[Strike]:
        """Return the faults that one delivery may meet."""
        return [(place, fault) for place, fault in enumerate(self.faults) if fault.concerns(registration, attempt)]

    def strikes(self, strike: Strike) -> bool:
        """Whether a fault still is, now that its point has come; count it."""
        place, fault = strike
        if fault.times is None:
            return True
        with self._guard:
            if self._folder is None:
                self._done[place] = self._done.get(place, 0) + 1
                return self._done[place] <= fault.times
            for number in range(fault.times):
                try:
                    (self._folder / f"fault-{place}-{number}").touch(exist_ok=False)
                except FileExistsError:
                    continue
                return True
            return False


class FaultyCallee:
    """A callee around which faults are played, and whose beginnings and ends are noted."""

    keeps_time = False

    def __init__(self, inner: Callee, play: Play) -> None:
        self._inner = inner
        self._play = play
        self.is_async = inner.is_async
        self.keeps_time = inner.keeps_time
        self.call: Callable[..., Any] = self._call_async if inner.is_async else self._call_plain

    @property
    def registration(self) -> Registration | None:
        """The compiled job."""
        return self._inner.registration

    def prepare(self, wire: Wire, raw: bytes) -> tuple[Any, dict[str, Any]]:
        """Return what the handler is called with."""
        return self._inner.prepare(wire, raw)

    def _strikes(self, context: Any) -> list[Strike]:
        registration = self._inner.registration
        return self._play.due(registration, context.attempt) if registration is not None else []

    def _meet(self, strike: Strike, context: Any) -> Harm | None:
        """Let a fault happen, if it still is; return which."""
        if not self._play.strikes(strike):
            return None
        fault, stage = strike[1], self._play.stage
        if fault.harm is Harm.KILL:
            stage.die()
        elif fault.harm is Harm.OVERRUN:
            registration = self._inner.registration
            stage.time_out(context.key, registration.timeout_s if registration else 0)
        elif fault.harm is Harm.BLOCK:
            time.sleep(fault.seconds)
        elif fault.error is not None:
            raise fault.error
        return fault.harm

    async def _call_async(self, context: Any, /, **payload: Any) -> Any:
        strikes = self._strikes(context)
        self._play.stage.began(context.key)
        await self._meet_async(_at("start", strikes), context)
        waits = {strike[1].at: strike for strike in strikes if isinstance(strike[1].at, int)}

        def meet(wait: int) -> bool:
            strike = waits.get(wait)
            return strike is not None and self._meet(strike, context) is Harm.KILL

        coroutine = self._inner.call(context, **payload)
        result = await (AtWaits(coroutine, meet) if waits else coroutine)
        self._play.stage.did(context.key)
        await self._meet_async(_at("end", strikes), context)
        return result

    async def _meet_async(self, strikes: Sequence[Strike], context: Any) -> None:
        for strike in strikes:
            harm = self._meet(strike, context)
            if harm is Harm.KILL:
                raise WorkerLost
            if harm is Harm.OVERRUN:
                await asyncio.get_running_loop().create_future()  # it has been told to stop

    def _call_plain(self, context: Any, /, **payload: Any) -> Any:
        strikes = self._strikes(context)
        self._play.stage.began(context.key)
        self._meet_plain([strike for strike in strikes if strike[1].at != "end"], context)
        result = self._inner.call(context, **payload)
        self._play.stage.did(context.key)
        self._meet_plain(_at("end", strikes), context)
        return result

    def _meet_plain(self, strikes: Sequence[Strike], context: Any) -> None:
        for strike in strikes:
            if self._meet(strike, context) is Harm.KILL:
                raise WorkerLost


def _at(point: Point, strikes: Sequence[Strike]) -> list[Strike]:
    return [strike for strike in strikes if strike[1].at == point]


def time_out(execution: Execution, key: str, limit_s: float) -> None:
    """Say that a job's time is up, as the execution does itself when it finds it overdue."""
    for run in list(execution.running.values()):
        if run.wire.key == key:
            run.note = f"timed out after {format_duration(limit_s)}"
            if run.callee is not None and run.callee.is_async:
                execution.cancel(run.id, Cause.TIMEOUT, run.note)
            else:
                run.overdue = True


def unknown_jobs(faults: Collection[Fault], plan: Plan) -> None:
    """Refuse faults of jobs that no spec declares.

    Raises:
        UnknownJob: the hint names the nearest.
    """
    for fault in faults:
        if fault.job:
            plan.registration(fault.job)
