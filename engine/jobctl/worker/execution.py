"""Execution: starts claimed jobs, watches their deadlines, and notes how they end.

All state belongs to the event loop; nothing here awaits the broker. What has ended waits in ``ended`` for the worker's
next turn, and its lease is held until the broker has it: a finish that cannot be told is kept, not lost.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jobctl.broker.cycle import ENDED_WIDTH, Ended, Turn
from jobctl.broker.record import Wire, read_wire
from jobctl.compiler.masking import mask
from jobctl.durations import format_duration, format_elapsed
from jobctl.errors import PayloadError
from jobctl.names import did_you_mean
from jobctl.outcomes import Cancel, Dead, Outcome
from jobctl.worker import ending
from jobctl.worker.ending import HandlerCancelledItself, TimedOut, UnknownType
from jobctl.worker.run import Callee, Cause, Run
from jobctl.worker.tally import UNKNOWN, Tally
from jobctl.worker.threads import DaemonThreads
from jobctl.worker.tracebacks import last_line

log = logging.getLogger(__name__)

# Claiming ahead lets the broker's work and ours overlap. It pays only where jobs are short, and must never make a job
# wait here that another worker could start: no more is claimed than should start within this time ...
AHEAD_S = 0.005
# ... and what has not started after this time goes back to the head of its queue.
HAND_BACK_S = 0.1
MEAN_WEIGHT = 0.05  # of the latest run in the moving mean of run times

FailureListener = Callable[[Run, ending.Verdict], None]


class Execution:
    """The runs of one worker.

    Args:
        callees: job type -> what to call.
        worker_id: written into histories.
        concurrency: most jobs at once.
        wake: called when something has ended, so that the worker takes a turn.
        on_failure: called after every attempt that did not succeed.
        limits: per queue ``(reserved slots, most jobs at once)``; empty = none of the queues has any.
    """

    def __init__(
        self,
        callees: Mapping[str, Callee],
        *,
        worker_id: str,
        concurrency: int,
        wake: Callable[[], None],
        on_failure: FailureListener,
        limits: Sequence[tuple[int, int | None]] = (),
    ) -> None:
        self.callees = callees
        self.worker_id = worker_id
        self.concurrency = concurrency
        self.running: dict[str, Run] = {}
        self.held: dict[str, tuple[int, str]] = {}
        self.ended = Ended()
        self.tally = Tally()
        self.processed = 0
        self.next_retry_s: float | None = None
        self.asked = 0  # jobs asked for in turns under way
        self._limits = limits if any(reserved or most is not None for reserved, most in limits) else ()
        self._waiting: deque[tuple[int, str, bytes, str, int, float]] = deque()
        self._filling = False
        self._mean_s: float | None = None
        self._patrol: asyncio.TimerHandle | None = None
        self._wake = wake
        self._on_failure = on_failure
        self._threads = DaemonThreads(concurrency)
        self._watch: asyncio.TimerHandle | None = None
        self._watch_at = float("inf")
        self._loop = asyncio.get_running_loop()
        self._time = time.monotonic

    @property
    def free(self) -> int:
        """Slots in which no job runs."""
        return self.concurrency - len(self.running)

    @property
    def has_limits(self) -> bool:
        """Whether some queue has reserved slots or a limit."""
        return bool(self._limits)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs, waits to start, or waits to be told."""
        return not (self.running or self._waiting or self.ended.values)

    def wanted(self) -> int:
        """Return how many jobs to claim now: the free slots, and ahead of them while jobs are short."""
        mean_s = self._mean_s
        if self._limits or mean_s is None or mean_s > AHEAD_S:
            ahead = 0  # slots that belong to some queues only cannot be promised ahead
        else:
            ahead = min(2 * self.concurrency, int(AHEAD_S * self.concurrency / max(mean_s, 1e-6)))
        return max(self.free + ahead - len(self._waiting) - self.asked, 0)

    def allowance(self) -> tuple[int, list[tuple[int, int]] | None]:
        """Return how many jobs to claim of any queue, and per queue how many besides and at most (None = no limits)."""
        wanted = self.wanted()
        if not self._limits:
            return wanted, None
        running = Counter(run.queue for run in self.running.values())
        shared = self.concurrency
        limits = []
        for queue, (reserved, most) in enumerate(self._limits):
            busy = running[queue]
            shared -= max(reserved, busy)
            limits.append((max(reserved - busy, 0), self.concurrency if most is None else max(most - busy, 0)))
        return max(shared, 0), limits

    def accept(self, turn: Turn) -> None:
        """Take over claimed jobs: start what has a slot, in the order of the claims; the rest waits a moment."""
        token, now_ms, claimed_at = turn.token, turn.now_ms, self._time()
        for queue, job_id, raw in turn.claims:
            self.held[job_id] = (queue, token)
            self._waiting.append((queue, job_id, raw, token, now_ms, claimed_at))
        self._fill()
        if self._waiting and self._patrol is None:
            self._patrol = self._loop.call_later(HAND_BACK_S, self._hand_back_late)

    def decline(self, turn: Turn) -> None:
        """Give back claimed jobs that shall not start here any more, as if never claimed."""
        for queue, job_id, _ in reversed(turn.claims):
            self.held[job_id] = (queue, turn.token)
            self._unclaim(queue, job_id, turn.token)
        self._wake()

    def _fill(self) -> None:
        if self._filling:
            return  # called from a job that failed at once: the loop below goes on
        self._filling = True
        try:
            while self._waiting and self.concurrency > len(self.running):
                self._start(*self._waiting.popleft())
        finally:
            self._filling = False

    def _hand_back_late(self) -> None:
        self._patrol = None
        if not self._waiting:
            return
        if self._time() - self._waiting[0][5] < HAND_BACK_S:
            self._patrol = self._loop.call_later(HAND_BACK_S, self._hand_back_late)
            return
        self._mean_s = None  # jobs are not as short as they were: claim ahead again when they are
        self.return_waiting()

    def return_waiting(self) -> None:
        """Give back claimed jobs that have not started, as if never claimed; last first, so that their order stays."""
        while self._waiting:
            queue, job_id, _, token, _, _ = self._waiting.pop()
            self._unclaim(queue, job_id, token)
        self._wake()

    def _unclaim(self, queue: int, job_id: str, token: str) -> None:
        self.ended.add(queue, job_id, token, "b", b',"status":"queued","started":0', 0)

    def _start(self, queue: int, job_id: str, raw: bytes, token: str, now_ms: int, claimed_at: float) -> None:
        """Start a claimed job. Whatever is wrong with it, the worker goes on."""
        try:
            wire = read_wire(raw)
        except ValueError as error:
            log.error("a queued record is no job; moved aside", extra={"id": job_id, "error": str(error)})
            self.ended.add(queue, job_id, token, "p", raw, 0)
            self._wake()
            return
        callee = self.callees.get(wire.function)
        now_at = self._time()
        now_ms += int((now_at - claimed_at) * 1000)
        limit, heartbeat_s = wire.timeout or 0, wire.heartbeat
        if callee is not None and callee.keeps_time:
            limit = heartbeat_s = 0
        run = Run(
            queue, job_id, token, raw, wire, callee, now_ms, now_at, now_at + limit if limit > 0 else float("inf")
        )
        if job_id in self.running:
            self._come_after(run, self.running[job_id])
        self.running[job_id] = run
        self.tally.started(wire.queue, wire.function, UNKNOWN if wire.attempts else now_ms - _due_ms(wire))
        try:
            if callee is None:
                raise UnknownType(self._unknown(wire))
            run.context, payload = callee.prepare(wire, raw)
        except (PayloadError, UnknownType) as error:
            self._failed(run, error)
            return
        except Exception as error:  # the application's own code (a hook, a converter) may raise anything
            self._failed(run, error)
            return
        if run.deadline_at < self._watch_at:
            self._watch_from(run.deadline_at)
        if heartbeat_s:
            run.heartbeat_s = heartbeat_s
            run.touched_at = now_at
            self._watch_from(min(self._watch_at, now_at + heartbeat_s))
        if callee.is_async:
            run.task = self._loop.create_task(self._drive(run, callee, payload))
        else:
            run.task = self._loop.create_task(self._drive_thread(run, callee, payload))

    def _come_after(self, run: Run, earlier: Run) -> None:
        """Let a job that is given to us while it still runs here begin when that earlier run has ended.

        It happens when a lease ended unseen, because the host slept, say, and our own upkeep was the first to find it.
        """
        log.error("a job's lease was lost; it runs here again when this run has ended", extra=_facts(earlier))
        earlier.cause = earlier.cause or Cause.LOST
        self._stop_task(earlier)
        if earlier.task is not None:
            run.after = (*earlier.after, earlier.task)

    def _unknown(self, wire: Wire) -> str:
        hint = did_you_mean(wire.function, self.callees)
        return f"no handler for type `{wire.function}` in this worker's spec" + (f"; {hint}" if hint else "")

    async def _drive(self, run: Run, callee: Callee, payload: dict[str, Any]) -> None:
        try:
            if run.after:
                await asyncio.wait(run.after)
            result = await callee.call(run.context, **payload)
        except BaseException as error:
            self._failed(run, error)
        else:
            self._succeeded(run, result)

    async def _drive_thread(self, run: Run, callee: Callee, payload: dict[str, Any]) -> None:
        if run.after:
            try:
                await asyncio.wait(run.after)
            except asyncio.CancelledError as error:
                self._failed(run, error)
                return
        try:
            run.future = self._threads.submit(callee.call, run.context, **payload)
        except RuntimeError as error:  # the system has no thread to give
            self._failed(run, error)
            return
        while True:
            try:
                # A thread cannot be stopped: the slot stays taken until it has really ended (hazard C7).
                result = await asyncio.shield(run.future)
            except asyncio.CancelledError as error:
                if run.cause is Cause.SHUTDOWN or run.future.done():
                    self._failed(run, error)
                    return
                continue
            except BaseException as error:
                self._failed(run, error)
                return
            if run.overdue:
                self._failed(run, TimedOut(run.note))
            else:
                self._succeeded(run, result)
            return

    def _succeeded(self, run: Run, result: Any) -> None:
        if self.running.get(run.id) is not run:
            return  # abandoned at shutdown and handed back, or its lease was lost and a later delivery is here
        del self.running[run.id]
        now_at = self._time()
        now_ms = run.now_ms(now_at)
        try:
            ending.complete(run, result, now_ms, self.ended)
        except Dead as error:
            self._settle(run, ending.judge(run, error, 0.0), now_ms)
            return
        self.processed += 1
        took_s = now_at - run.started_at
        mean_s = self._mean_s
        self._mean_s = took_s if mean_s is None else mean_s + MEAN_WEIGHT * (took_s - mean_s)
        wire = run.wire
        self.tally.ended(wire.queue, wire.function, "complete", now_ms - run.started_ms, _total_ms(wire, now_ms))
        if log.isEnabledFor(logging.DEBUG):
            log.debug("job complete", extra={**_facts(run), "took": format_elapsed(took_s)})
        self._wake()
        if self._waiting:
            self._fill()

    def _failed(self, run: Run, error: BaseException) -> None:
        if self.running.get(run.id) is not run:
            return
        del self.running[run.id]
        if run.cause is Cause.SHUTDOWN and not isinstance(error, Outcome):
            self._hand_back(run)  # also when its cleaning up failed: it was the stop that made it end
            return
        if isinstance(error, asyncio.CancelledError):
            if run.cause is Cause.LOST:
                self._wake()
                self._fill()
                return
            error = _explain(run)
        elif run.cause is Cause.CANCEL:
            error = _explain(run)  # whatever it raised when it was stopped: it was asked to
        now_ms = run.now_ms(self._time())
        self._settle(run, ending.judge(run, error, random.random()), now_ms)

    def _settle(self, run: Run, verdict: ending.Verdict, now_ms: int) -> None:
        self.processed += 1
        total_ms = UNKNOWN if verdict.outcome == "retry" else _total_ms(run.wire, now_ms)
        self.tally.ended(run.wire.queue, run.wire.function, verdict.outcome, now_ms - run.started_ms, total_ms)
        facts = {**_facts(run), "max_attempts": run.max_attempts, "error": _told(run, verdict.text)}
        if verdict.outcome == "retry":
            log.warning("job failed", extra={**facts, "retry_in": format_duration(round(verdict.delay_s, 1))})
            if self.next_retry_s is None or verdict.delay_s < self.next_retry_s:
                self.next_retry_s = verdict.delay_s
        elif verdict.outcome == "dead":
            log.error("job dead", extra=facts)
        else:
            log.info("job cancelled", extra=facts)
        ending.fail(run, verdict, now_ms, self.worker_id, self.ended)
        self._wake()
        if verdict.outcome != "cancelled":
            self._on_failure(run, verdict)
        self._fill()

    def _hand_back(self, run: Run) -> None:
        ending.hand_back(run, self.ended, started=True)
        self.tally.ended(run.wire.queue, run.wire.function, "interrupted", 0)
        log.info("job handed back", extra=_facts(run))
        self._wake()

    def told(self, turn: Turn) -> None:
        """Stop holding the leases of ended runs that the broker has taken, or refused."""
        ids = turn.told[1::ENDED_WIDTH]
        for job_id, token in zip(ids, turn.told[2::ENDED_WIDTH], strict=True):
            self._release(job_id, token)
        for position in turn.fenced:
            log.error("the end of a job was refused: another delivery owns it by now", extra={"id": ids[position]})

    def _release(self, job_id: str, token: str) -> None:
        # not a later delivery's lease of the same job
        held = self.held.get(job_id)
        if held is not None and held[1] == token:
            del self.held[job_id]

    def cancel(self, job_id: str, cause: Cause, note: str = "") -> None:
        """Ask a running job to stop, for a cause. Its slot is free when it has really ended."""
        run = self.running.get(job_id)
        if run is not None and run.cause is None:
            run.cause, run.note = cause, note
            self._stop_task(run)

    def lost(self, deliveries: list[tuple[str, str]]) -> None:
        """Stop deliveries, given as ``(id, token)``, whose job another one owns by now."""
        gone = set(deliveries)
        self._waiting = deque(claim for claim in self._waiting if (claim[1], claim[3]) not in gone)
        for job_id, token in deliveries:
            self._release(job_id, token)
            run = self.running.get(job_id)
            if run is not None and run.token == token:
                log.error("a job's lease was lost to another delivery; stopping it here", extra=_facts(run))
                self.cancel(job_id, Cause.LOST)

    def _stop_task(self, run: Run) -> None:
        if run.task is not None and run.callee is not None and (run.callee.is_async or run.cause is Cause.SHUTDOWN):
            # Not before its first step: a task that is cancelled before it began would never say that it has ended.
            self._loop.call_soon(run.task.cancel)

    def _watch_from(self, at: float) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch_at = at
        self._watch = self._loop.call_later(max(at - self._time(), 0.001), self._check_deadlines)

    def _check_deadlines(self) -> None:
        """Time out what is overdue. One timer for all runs: a timer a job would cost more than most handlers."""
        self._watch, self._watch_at = None, float("inf")
        now_at, nearest = self._time(), float("inf")
        for run in list(self.running.values()):
            if run.cause is not None or run.overdue:
                continue
            at, cause, limit = run.deadline_at, Cause.TIMEOUT, run.wire.timeout or 0
            if run.heartbeat_s:
                silent_at = max(run.touched_at, getattr(run.context, "beat_at", 0.0)) + run.heartbeat_s
                if silent_at < at:
                    at, cause, limit = silent_at, Cause.SILENT, run.heartbeat_s
            if at > now_at:
                nearest = min(nearest, at)
                continue
            words = "no heartbeat for" if cause is Cause.SILENT else "timed out after"
            run.note = f"{words} {format_duration(limit)}"
            if run.callee is not None and run.callee.is_async:
                self.cancel(run.id, cause, run.note)
            else:
                run.overdue = True
                run.note += " (a plain function runs in a thread and cannot be stopped; it ended late)"
                log.warning("a job in a thread is past its timeout and keeps its slot until it ends", extra=_facts(run))
        if nearest < float("inf"):
            self._watch_from(nearest)

    async def drain(self, grace_s: float, hurry: asyncio.Event, hard_s: float = 1.0) -> None:
        """Let running jobs end for so long, then cancel them, then hand back whatever still runs."""
        self.return_waiting()
        await self._until_idle(grace_s, hurry)
        # Each goes to the head of its queue: the one that started last first, so that their order stays.
        for run in list(reversed(self.running.values())):
            run.cause = Cause.SHUTDOWN
            self._stop_task(run)
        if self.running:
            await self._until_idle(hard_s, None)
        for run in list(reversed(self.running.values())):
            del self.running[run.id]
            log.warning("a job did not stop when cancelled; handed back while it still runs", extra=_facts(run))
            self._hand_back(run)
        if self._watch is not None:
            self._watch.cancel()
        self._threads.close()

    async def _until_idle(self, seconds: float, hurry: asyncio.Event | None) -> None:
        tasks = {run.task for run in self.running.values() if run.task is not None}
        if not tasks or seconds <= 0:
            return
        waiter = self._loop.create_task(hurry.wait()) if hurry is not None else None
        all_done = asyncio.gather(*tasks, return_exceptions=True)
        waits: list[asyncio.Future[Any]] = [all_done] if waiter is None else [all_done, waiter]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if waiter is not None:
                waiter.cancel()


def _explain(run: Run) -> BaseException:
    if run.cause in (Cause.TIMEOUT, Cause.SILENT):
        return TimedOut(run.note)
    if run.cause is Cause.CANCEL:
        return Cancel(run.note or "cancelled")
    return HandlerCancelledItself("the handler let a CancelledError out that nobody had asked for")


def _due_ms(wire: Wire) -> int:
    # SAQ keeps the due time of a delayed job in whole seconds
    try:
        return max(wire.queued, int(wire.scheduled * 1000)) if wire.queued else 0
    except (ValueError, OverflowError):  # a foreign record may say NaN, or more than there are
        return wire.queued


def _total_ms(wire: Wire, now_ms: int) -> int:
    # of a job that was tried before, `scheduled` is when its retry was due
    due_ms = wire.queued if wire.attempts else _due_ms(wire)
    return now_ms - due_ms if due_ms else UNKNOWN


def _told(run: Run, text: str) -> str:
    """Return what the log says of an error: its last line, without the secrets of the payload."""
    line = last_line(text)
    registration = run.callee.registration if run.callee else None
    return line if registration is None else str(mask(line, registration, run.wire.kwargs or {}))


def _facts(run: Run) -> dict[str, Any]:
    registration = run.callee.registration if run.callee else None
    wire = run.wire
    name = registration.name if registration else wire.function
    return {"job": name, "key": wire.key, "type": wire.function, "queue": wire.queue, "attempt": run.attempt}
