"""Whether a handler is safe to run again: it is run twice, and crashed at every point it waits at and delivered anew.

A job runs at least once. A worker may die after any of its effects and before the broker knows; then the handler runs
again from its start. What comes of that must be what one undisturbed run leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from jobctl.broker.record import Wire
from jobctl.compiler.plan import Registration
from jobctl.testing.ran import Ran
from jobctl.testing.waits import AtWaits, WorkerLost, drop, lose_tasks
from jobctl.worker.run import Callee

MOST_POINTS = 200
MOST_SHOWN = 10

Probe = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """One way of disturbing a run, and the world after it; ``world`` differs from what one run leaves, or is an end."""

    how: str
    world: Any


class Crash:
    """A crash at the n-th point that the handler, or what it has begun, comes to. Counts the points if there is none.

    Args:
        at: the point, from 1; None = no crash.
        code: the handler's, for saying where it was; None = unknown.
    """

    def __init__(self, at: int | None, code: CodeType | None) -> None:
        self.at = at
        self.points = 0
        self.has_struck = False
        self.where = ""
        self._code = code

    def meet(self, coroutine: Any, wait: int) -> bool:
        """Return whether it strikes now; once it has, it strikes everything that goes on."""
        if wait and not self.has_struck:
            self.points += 1
            if self.points == self.at:
                self.has_struck, self.where = True, _place_in(coroutine, self._code)
        return self.has_struck

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        """Count the lines of a plain handler and of its module's functions."""
        if self._code is None or frame.f_code.co_filename != self._code.co_filename:
            return None
        if event == "line" and not self.has_struck:
            self.points += 1
            if self.points == self.at:
                self.has_struck, self.where = True, f"line {frame.f_lineno}, in `{frame.f_code.co_name}`"
                raise WorkerLost
        return self.trace

    def make_task(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> Any:
        """Make a task whose every wait is a point."""

        async def counted() -> Any:
            try:
                return await AtWaits(coroutine, lambda wait: self.meet(coroutine, wait))
            except WorkerLost:
                raise asyncio.CancelledError from None  # as the tasks of a loop that stops: nobody looks at their ends

        task = asyncio.Task(counted(), loop=loop, **options)
        task.add_done_callback(lambda _: drop(coroutine))  # one that was cancelled before it began has no other end
        return task


class CrashingCallee:
    """A callee that a crash may strike: a plain one at its lines. (An async one is struck by its task.)"""

    keeps_time = False

    def __init__(self, inner: Callee, crash: Crash) -> None:
        self._inner = inner
        self._crash = crash
        self.is_async = inner.is_async
        self.call: Callable[..., Any] = inner.call if inner.is_async else self._call_plain

    @property
    def registration(self) -> Registration | None:
        """The compiled job."""
        return self._inner.registration

    def prepare(self, wire: Wire, raw: bytes) -> tuple[Any, dict[str, Any]]:
        """Return what the handler is called with."""
        return self._inner.prepare(wire, raw)

    def _call_plain(self, context: Any, /, **payload: Any) -> Any:
        before = sys.gettrace()
        sys.settrace(self._crash.trace)
        try:
            return self._inner.call(context, **payload)
        finally:
            sys.settrace(before)


Deliver = Callable[[Crash], Coroutine[Any, Any, Ran]]


def deliver(make: Deliver, crash: Crash) -> Ran:
    """Run one delivery in an event loop of its own, as in a process of its own.

    Threads that it has begun end first; tasks that it has begun are cancelled.
    """
    found: list[Ran] = []
    faults: list[BaseException] = []

    def run() -> None:
        with asyncio.Runner() as runner, ThreadPoolExecutor() as executor:
            loop = runner.get_loop()
            loop.set_default_executor(executor)
            try:
                found.append(runner.run(_deliver(make, crash)))
            except BaseException as error:
                faults.append(error)

    # in a thread: the test itself may run in an event loop
    thread = threading.Thread(target=run, name="jobctl-delivery")
    thread.start()
    thread.join()
    if faults:
        raise faults[0]
    return found[0]


async def _deliver(make: Deliver, crash: Crash) -> Ran:
    before = asyncio.all_tasks()
    try:
        return await make(crash)
    finally:
        asyncio.get_running_loop().set_task_factory(None)
        await lose_tasks(asyncio.all_tasks() - before)


def check(
    name: str,
    make: Deliver,
    code: CodeType | None,
    probe: Probe,
    reset: Callable[[], Any],
    most: int = MOST_POINTS,
) -> int:
    """Try everything; return at how many points the handler was crashed: at most so many, spread evenly.

    Raises:
        AssertionError: some trial left another world than one run does, or did not end at all.
    """
    reset()
    first = Crash(None, code)
    ran = deliver(make, first)
    if ran.outcome != "complete":
        raise AssertionError(f"`{name}` does not complete even once: {ran}") from ran.error
    wanted = probe()
    failed = [*_try(make, code, probe, reset, wanted, None)]
    points = min(first.points, most)
    for point in (1 + n * first.points // points for n in range(points)):
        failed += _try(make, code, probe, reset, wanted, point)
    if failed:
        lines = [f"`{name}` is not safe to run again: one run leaves {wanted!r}, but"]
        lines += [f"  {trial.how}: {trial.world!r}" for trial in failed[:MOST_SHOWN]]
        if len(failed) > MOST_SHOWN:
            lines.append(f"  and {len(failed) - MOST_SHOWN} more of {points} points")
        raise AssertionError("\n".join(lines))
    return points


def _try(
    make: Deliver, code: CodeType | None, probe: Probe, reset: Callable[[], Any], wanted: Any, point: int | None
) -> list[Trial]:
    reset()
    crash = Crash(point, code)
    deliver(make, crash)
    again = deliver(make, Crash(None, code))
    how = f"crashed at point {point} ({crash.where}) and run again" if crash.has_struck else "run twice"
    if again.outcome != "complete":
        return [Trial(how, again)]
    world = probe()
    return [] if world == wanted else [Trial(how, world)]


def _place_in(coroutine: Any, code: CodeType | None) -> str:
    """Say where a coroutine waits: the innermost place in the handler's own file."""
    place = ""
    with contextlib.suppress(AttributeError):
        while coroutine is not None:
            frame = coroutine.cr_frame
            if code is not None and frame.f_code.co_filename == code.co_filename:
                place = f"line {frame.f_lineno}, in `{frame.f_code.co_name}`"
            coroutine = coroutine.cr_await
    return place or "what it has begun"
