"""One process's part in a load test: it sends jobs, follows them, and keeps the log of both."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from jobctl.broker.connect import connect_blocking, translate_errors
from jobctl.client import BlockingClient, NewJob
from jobctl.compiler.plan import Plan, Registration
from jobctl.errors import DuplicateJob, JobctlError
from jobctl.loadtest.clock import BrokerClock
from jobctl.loadtest.options import Options
from jobctl.loadtest.tracker import Batch, End, Followed, Tracker
from jobctl.measure.runlog import RunLog
from jobctl.records import JobState

log = logging.getLogger(__name__)

KEPT_FOR = "10m"  # records of jobs whose spec keeps none: until they have been followed to their end
PAUSE_S = 0.05
ANSWER_TIMEOUT_S = 15.0  # longer than any call of the client takes
SYNC_S = 10.0

Fire = Callable[[str, str, float, JobctlError | None], None]
"""Tells Locust of one measurement: ``(type, name, ms, fault or None)``."""


class Session:
    """What one process holds open for a run.

    Args:
        plan: the spec.
        url: the broker.
        options: of the run.
        measured_from_ms: end of the warm-up, by the broker's clock.
        notes_starts: whether arrivals and starts are noted by queue, for fairness.
        fire: tells Locust.

    Attributes:
        registrations: the jobs that are sent, in turn.
        is_over: nothing is sent any more.
    """

    def __init__(
        self,
        plan: Plan,
        url: str,
        options: Options,
        *,
        measured_from_ms: float,
        notes_starts: bool,
        fire: Fire,
    ) -> None:
        self.options = options
        self.measured_from_ms = measured_from_ms
        self.registrations = [plan.registration(name) for name in options.jobs] or list(plan.registrations)
        self.queues = tuple(dict.fromkeys(each.queue for each in self.registrations))
        self.is_over = False
        self.held = 0
        """Sends that waited because too many jobs were on their way."""
        self._notes_starts = notes_starts
        self._fire = fire
        self._log = RunLog()
        self._in_flight = 0
        self._is_refusal_told = False
        self._synced_s = self._usage_s = time.perf_counter()
        self._cpu_s = time.process_time()
        self._by_name = {name: each for each in plan.registrations for name in (each.name, each.type)}
        with ExitStack() as stack, translate_errors(url):
            self.client = stack.enter_context(BlockingClient(plan, url))
            self.server = stack.enter_context(connect_blocking(url))
            self.clock = BrokerClock(self.server)
            # of all queues: a user's `next_job` may return any job of the plan
            self.tracker = Tracker(
                self.server, plan.queue_names, now_ms=self.clock.now_ms, report=self._ended, look=self._looked
            )
            self._open = stack.pop_all()

    def registration(self, job: str) -> Registration:
        """Return the registration of a job that is sent."""
        return self._by_name[job]

    def send(self, jobs: Sequence[NewJob], intended_ms: float, *, is_waiting: bool = False) -> Batch | None:
        """Enqueue jobs together, and follow each to its end.

        Args:
            intended_ms: when this was meant to happen, by the broker's clock; latencies count from there.
            is_waiting: whether somebody will wait for their ends.

        Returns:
            what to wait on, if somebody will.
        """
        self._hold()
        kept = [self._kept(job) for job in jobs]
        is_measured = intended_ms >= self.measured_from_ms
        name = self.registration(jobs[0].job).name
        self._in_flight += 1
        fault: JobctlError | None = None
        whole = Batch(len(jobs)) if is_waiting else None
        began_s = time.perf_counter()
        sent_ms = self.clock.now_ms()
        try:
            answers = self.client.enqueue_many(kept)
            taken = 0
            for job, answer in zip(jobs, answers, strict=True):
                if isinstance(answer, DuplicateJob):
                    fault = answer
                    self._log.counts["refused"] += 1
                    if whole is not None:
                        whole.one_ended()
                    continue
                taken += 1
                followed = Followed(self.registration(job.job).name, answer.queue, intended_ms, is_measured, whole)
                self.tracker.follow(answer.id, followed)
            self._log.counts["jobs"] += taken
            self._log.second(sent_ms).enqueued += taken
        except JobctlError as error:
            fault, whole = error, None
            self._log.counts["refused"] += len(jobs)
        finally:
            self._in_flight -= 1
        took_ms = (time.perf_counter() - began_s) * 1000
        if fault is not None and not self._is_refusal_told:
            self._is_refusal_told = True
            log.error("an enqueue was refused: %s%s", fault, f" (hint: {fault.hint})" if fault.hint else "")
        if is_measured:
            self._log.record("enqueue", name, took_ms)
            self._log.record("late", "", max(sent_ms - intended_ms, 0.0))
        if is_measured or fault is not None:
            self._fire("enqueue" if len(jobs) == 1 else "enqueue batch", name, took_ms, fault)
        return whole

    def take(self) -> RunLog:
        """Return what was logged since the last time."""
        taken, self._log = self._log, RunLog()
        now_s, cpu_s = time.perf_counter(), time.process_time()
        if now_s - self._usage_s > 0.5:  # over less, a share means nothing
            taken.generator_cpu = (cpu_s - self._cpu_s) / (now_s - self._usage_s)
            self._usage_s, self._cpu_s = now_s, cpu_s
        return taken

    def finish(self) -> RunLog:
        """Send no more, wait for the jobs on their way, close everything; return what was logged meanwhile."""
        self.is_over = True
        usage = self.take()  # of the sending; the waiting takes none
        deadline_s = time.perf_counter() + ANSWER_TIMEOUT_S
        while self._in_flight and time.perf_counter() < deadline_s:
            time.sleep(PAUSE_S)
        with self._open, translate_errors():
            self.tracker.drain(self.options.drain_s)
        rest = self.take()
        rest.generator_cpu = 0.0
        usage.merge(rest)
        if self.held:
            log.warning(
                "%d sends were held back: more than %d jobs were on their way. The workload was not open meanwhile",
                self.held,
                self.options.outstanding,
            )
        return usage

    def abandon(self) -> None:
        """Send no more, and follow no job to its end any longer: this process ends, and says nothing of those."""
        self.is_over = True
        self.tracker.on_the_way.clear()

    def _hold(self) -> None:
        if len(self.tracker.on_the_way) < self.options.outstanding:
            return
        self.held += 1
        while len(self.tracker.on_the_way) >= self.options.outstanding and not self.is_over:
            time.sleep(PAUSE_S)

    def _kept(self, job: NewJob) -> NewJob:
        """Return the job with a record that is kept for long enough to be found."""
        if job.retention is not None or self.registration(job.job).retention_s >= 0:
            return job
        fields = {name: getattr(job, name) for name in job.__struct_fields__}
        return NewJob(fields.pop("job"), fields.pop("payload"), **{**fields, "retention": KEPT_FOR})

    def _looked(self, waiting: int) -> None:
        self._log.looks += 1
        self._log.busy_looks += waiting > 0
        self._log.depth = max(self._log.depth, waiting)
        if time.perf_counter() - self._synced_s > SYNC_S:
            self.clock.sync()
            self._synced_s = time.perf_counter()

    def _ended(self, _: str, followed: Followed, end: End) -> None:
        counts = self._log.counts
        counts["redelivered"] += max(end.deliveries - 1, 0)
        match end.state:
            case JobState.COMPLETE:
                counts["completed"] += 1
            case JobState.DEAD:
                counts["dead"] += 1
            case JobState.CANCELLED:
                counts["cancelled"] += 1
            case _:
                counts["lost"] += 1
        if self._notes_starts and end.started_ms is not None:
            self._log.starts.add(
                followed.queue, arrived_ms=end.arrived_ms, started_ms=int(end.started_ms), run_ms=end.run_ms
            )
        done_ms = 0.0 if end.ended_ms is None else max(end.ended_ms - followed.intended_ms, 0.0)
        if end.ended_ms is not None and end.fault is None:
            second = self._log.second(end.ended_ms)
            second.completed += 1
            second.done.record(done_ms)
        if end.fault is not None:
            self._fire("done", followed.job, done_ms, JobctlError(end.fault))
        if not followed.is_measured or end.fault is not None:
            return
        if end.started_ms is not None:
            start_ms = max(end.started_ms - followed.intended_ms, 0.0)
            self._log.record("start", followed.job, start_ms)
            self._log.record("run", followed.job, float(end.run_ms))
            self._fire("start", followed.job, start_ms, None)
        self._log.record("done", followed.job, done_ms)
        self._fire("done", followed.job, done_ms, None)
