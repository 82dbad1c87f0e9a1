"""Functions written for stock SAQ: called as SAQ's worker calls them, between its hooks, with a `saq.Job` that writes.

What SAQ leaves to chance is settled here: a plain function that is timed out keeps its slot until its thread has ended
(hazard C7), an after-hook that fails changes nothing, and what the function changed in its job outlives a retry.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from saq.job import Job, Status
from saq.utils import now as caller_ms

from jobctl.broker.record import Wire, encode
from jobctl.compiler.plan import Registration
from jobctl.worker.threads import DaemonThreads

if TYPE_CHECKING:
    from jobctl.broker.queue import JobQueue
    from jobctl.worker.run import Run

log = logging.getLogger(__name__)

Hook = Callable[[Any], Awaitable[None]]


class StockContext(dict[str, Any]):
    """SAQ's context: a dict, in which the worker finds progress and sign of life as in ours."""

    @property
    def beat_at(self) -> float:
        """When the function last called `job.update()`, SAQ's heartbeat, in monotonic seconds."""
        job: Job = self["job"]
        return time.monotonic() - max(caller_ms() - job.touched, 0) / 1000

    @property
    def fraction(self) -> float | None:
        """How far the job says it is."""
        job: Job = self["job"]
        return job.progress or None


class StockHost:
    """What a worker lends to the functions registered with it.

    Args:
        queue: writes what a function changes in its job.
        base: SAQ's context of the worker, copied for each job.
        before, after: SAQ's process hooks.
        run_of: job id -> the delivery that runs here.
        concurrency: jobs at once, and so threads for plain functions.
    """

    def __init__(
        self,
        queue: JobQueue,
        worker_id: str,
        base: dict[str, Any],
        before: Hook,
        after: Hook,
        run_of: Callable[[str], Run | None],
        concurrency: int,
    ) -> None:
        self.queue = queue
        self.worker_id = worker_id
        self.base = base
        self.before, self.after = before, after
        self.run_of = run_of
        self.threads = DaemonThreads(concurrency)


class StockCallee:
    """One such function."""

    registration: Registration | None = None
    is_async = True
    keeps_time = False

    def __init__(self, function: Callable[..., Any], host: StockHost) -> None:
        self._function = function
        self._host = host

    def prepare(self, wire: Wire, raw: bytes) -> tuple[StockContext, dict[str, Any]]:
        """Return SAQ's context, with a `saq.Job` in it, and the payload.

        Raises:
            ValueError: SAQ cannot read the record.
        """
        job = self._host.queue.deserialize(raw)
        if job is None:
            raise ValueError("an empty record")
        job.attempts += 1
        job.worker_id = self._host.worker_id
        job.status = Status.ACTIVE
        job.started = job.touched = caller_ms()
        return StockContext(self._host.base, job=job), wire.kwargs or {}

    async def call(self, context: StockContext, /, **payload: Any) -> Any:
        """Run the function between SAQ's two process hooks."""
        job: Job = context["job"]
        run = self._host.run_of(job.id)
        if run is not None:
            job.started = run.started_ms
            self._host.queue.own(job, run.token)
        meta = _written(job.meta)
        try:
            await self._host.before(context)
            if inspect.iscoroutinefunction(self._function):
                result = await self._function(context, **payload)
            else:
                result = await self._in_thread(context, payload)
            if _written(job.meta) != meta:
                await self._host.queue.update(job)
        except BaseException as error:
            self._failed(context, error, run)
            raise
        else:
            job.status, job.result, job.error = Status.COMPLETE, result, None
            return result
        finally:
            job.completed = caller_ms()
            await self._after(context)

    def _failed(self, context: StockContext, error: BaseException, run: Run | None) -> None:
        job: Job = context["job"]
        context["exception"] = error
        if run is not None:
            try:
                run.raw = self._host.queue.serialize(job)  # what it changed in its job goes into the next attempt
            except Exception as unwritable:
                log.warning("changes of a job cannot be stored", extra={"id": job.id, "error": str(unwritable)})
        if isinstance(error, asyncio.CancelledError):
            job.status = Status.ABORTED
        else:
            job.status = Status.QUEUED if job.retryable else Status.FAILED
        job.error = str(error)

    async def _in_thread(self, context: StockContext, payload: dict[str, Any]) -> Any:
        future = self._host.threads.submit(self._function, context, **payload)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not future.done():
                await asyncio.wait([future])  # until it has ended; a second cancellation does not wait
                future.exception()
            raise

    async def _after(self, context: StockContext) -> None:
        try:
            await self._host.after(context)
        except (Exception, asyncio.CancelledError):  # what the function has done is done
            log.exception("the after-process hook failed", extra={"id": context["job"].id})


def _written(meta: Any) -> bytes:
    try:
        return encode(meta)
    except (TypeError, ValueError, RecursionError):
        return b""  # storing it will tell
