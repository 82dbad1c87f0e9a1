"""Follows every job of a load test to its end, and says which did not get there.

Ends are read off the indexes that workers keep, by bounded polling: one round trip finds any number of them, with the
broker's own time of each. Then the records, for the starts. A job that has been reported is removed from the broker,
so that a run of any length leaves no more there than its jobs on the way.

Written for threads; under Locust, which patches them, its thread is a greenlet.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from jobctl.broker.connect import translate_errors
from jobctl.broker.keys import QueueKeys
from jobctl.broker.record import read_record
from jobctl.errors import BrokerError
from jobctl.loadtest.keyspace import remove_jobs
from jobctl.records import JobState

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

POLL_S: Final = 0.01  # adds nothing to a latency: times are the broker's
PAGE: Final = 1000  # ends read in a round trip
LOOKUP_BATCH: Final = 500
EARLY_LIMIT: Final = 100_000  # ends kept whose enqueue has not been answered yet, ours or another process's
PAUSE_S: Final = 0.05
AWAY_S: Final = 0.5  # between attempts to reach a broker that is away
HALF_MS: Final = 0.5  # the broker writes whole ms, rounded down
ENDS: Final = (JobState.COMPLETE, JobState.DEAD, JobState.CANCELLED)


@dataclass(eq=False, slots=True)
class Followed:
    """A job on its way.

    Attributes:
        intended_ms: when it was meant to be sent, by the broker's clock.
        is_measured: False during the warm-up.
        whole: told when it has ended, for a sender that waits; None = nobody does.
    """

    job: str
    queue: str
    intended_ms: float
    is_measured: bool = True
    whole: Batch | None = None


class Batch:
    """Jobs sent together, whose ends one sender waits for."""

    __slots__ = ("_ended", "_left")

    def __init__(self, jobs: int) -> None:
        self._left = jobs
        self._ended = threading.Event()

    def one_ended(self) -> None:
        """Count an end."""
        self._left -= 1
        if self._left <= 0:
            self._ended.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until all have ended; return whether they have."""
        return self._ended.wait(timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a job ended. Times are the broker's, ms since the epoch, the middle of the ms it wrote.

    Attributes:
        fault: why it did not end well; None = it did.
        state: its final state; None = there is none, the job is lost or not done in time.
        started_ms, ended_ms: of its latest attempt; None = unknown, or it never did.
        arrived_ms: when the broker took it, whole ms; 0 = unknown.
        run_ms: how long its latest attempt ran, by its worker's clock.
        deliveries: times it was handed to a worker.
    """

    fault: str | None
    state: JobState | None
    started_ms: float | None = None
    ended_ms: float | None = None
    arrived_ms: int = 0
    run_ms: int = 0
    deliveries: int = 1


class Stored(msgspec.Struct, gc=False):
    """What is read of a record; names and units are SAQ's."""

    started: int = 0
    completed: int = 0
    queued: int = 0
    attempts: int = 0
    error: str | None = None


_decode = msgspec.json.Decoder(Stored).decode
Report = Callable[[str, Followed, End], None]
"""Called with ``(job id, what was followed, how it ended)`` once for every job."""


class Tracker:
    """The jobs that are on their way.

    Args:
        server: a connection of the tracker's own.
        queues: whose jobs to follow.
        now_ms: the broker's clock.
        report: called once for every job.
        look: called at each poll with the number of jobs that wait in all queues.
    """

    def __init__(
        self,
        server: Redis,
        queues: Iterable[str],
        *,
        now_ms: Callable[[], float],
        report: Report,
        look: Callable[[int], None],
    ) -> None:
        self.on_the_way: dict[str, Followed] = {}
        self._server = server
        self._queues = {name: QueueKeys(name) for name in queues}
        self._report = report
        self._look = look
        self._early: dict[str, tuple[JobState, float]] = {}  # ended, and not followed yet
        self._ended: dict[str, tuple[Followed, JobState, float]] = {}  # to be reported
        # From a little before now: the clock's error, and the millisecond that is under way.
        self._marks = {(name, state): now_ms() - 1000 for name in self._queues for state in ENDS}
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tracker", daemon=True)
        self._thread.start()

    def follow(self, job_id: str, followed: Followed) -> None:
        """Follow a job that the broker has taken. It may have ended already."""
        self.on_the_way[job_id] = followed
        end = self._early.pop(job_id, None)
        if end is not None and self.on_the_way.pop(job_id, None) is not None:
            self._ended[job_id] = (followed, *end)

    def drain(self, timeout_s: float) -> None:
        """Wait for the jobs still on their way, then look up the rest and report what became of them."""
        deadline_s = time.perf_counter() + timeout_s
        while (self.on_the_way or self._ended) and self._thread.is_alive() and time.perf_counter() < deadline_s:
            time.sleep(PAUSE_S)
        self._closing = True
        self._thread.join()
        self._look_up()

    def _run(self) -> None:
        while not self._closing:
            try:
                with translate_errors():
                    is_idle = not self.poll()
            except BrokerError as error:
                log.warning("the ends of jobs could not be read; trying again: %s", error.message)
                time.sleep(AWAY_S)
            else:
                if is_idle:
                    time.sleep(POLL_S)

    def poll(self) -> int:
        """Read the ends since the last poll and report those of followed jobs; return how many they were."""
        pipe = self._server.pipeline(transaction=False)
        for (name, state), mark in self._marks.items():
            pipe.zrangebyscore(getattr(self._queues[name], state), mark, "+inf", 0, PAGE, withscores=True)
        for queue in self._queues.values():
            pipe.llen(queue.queued)
        answers: list[Any] = pipe.execute()
        self._look(sum(answers[len(self._marks) :]))
        for (place, mark), answer in zip(list(self._marks.items()), answers, strict=False):
            ours = len(self._ended)
            for raw, ended_ms in answer:
                job_id = raw.decode()
                self._early[job_id] = (place[1], ended_ms)
                followed = self.on_the_way.pop(job_id, None)
                if followed is not None:
                    self._ended[job_id] = (followed, *self._early.pop(job_id))
            if answer:
                last = answer[-1][1]
                # A page of one ms only, none of them ours to remove: the next one begins behind it.
                is_stuck = len(answer) == PAGE and last == mark and len(self._ended) == ours
                self._marks[place] = last + is_stuck
        for job_id in list(islice(self._early, max(len(self._early) - EARLY_LIMIT, 0))):
            del self._early[job_id]
        return self._settle()

    def _settle(self) -> int:
        found = list(self._ended.items())
        if not found:
            return 0
        by_queue: dict[str, list[str]] = {}
        for job_id, (followed, _, _) in found:
            by_queue.setdefault(followed.queue, []).append(job_id)
        pipe = self._server.pipeline(transaction=False)
        for name, ids in by_queue.items():
            pipe.mget(ids)
            pipe.hmget(self._queues[name].crashes, ids)
            pipe.hmget(self._queues[name].interruptions, ids)
        answers: list[Any] = pipe.execute()
        for at, ids in enumerate(by_queue.values()):
            for job_id, raw, crashes, interruptions in zip(ids, *answers[3 * at : 3 * at + 3], strict=True):
                followed, state, ended_ms = self._ended.pop(job_id)
                stored = _decode(raw) if raw is not None else Stored()
                end = End(
                    fault=None if state is JobState.COMPLETE else f"{state}: {_first_line(stored.error)}",
                    state=state,
                    started_ms=stored.started + HALF_MS if stored.started else None,
                    ended_ms=ended_ms + HALF_MS,
                    arrived_ms=stored.queued,
                    run_ms=max(stored.completed - stored.started, 0) if stored.started else 0,
                    deliveries=max(stored.attempts, 1) + int(crashes or 0) + int(interruptions or 0),
                )
                self._end(job_id, followed, end)
        remove_jobs(self._server, by_queue)
        return len(found)

    def _look_up(self) -> None:
        rest = iter(list(self.on_the_way.items()))
        self.on_the_way.clear()
        while batch := dict(islice(rest, LOOKUP_BATCH)):
            answer: Any = self._server.mget(list(batch))
            gone: dict[str, list[str]] = {}
            for (job_id, followed), raw in zip(batch.items(), answer, strict=True):
                if raw is None:
                    fault = "lost: the broker has no record of it"
                    self._end(job_id, followed, End(fault=fault, state=None))
                    continue
                record = read_record(job_id, raw)
                if not record.state.is_final:
                    fault = f"not done in time: {record.state}"
                    self._end(job_id, followed, End(fault=fault, state=None))
                    continue
                end = End(
                    fault=None if record.state is JobState.COMPLETE else f"{record.state}: {_first_line(record.error)}",
                    state=record.state,
                    started_ms=record.started_ms + HALF_MS if record.started_ms else None,
                    ended_ms=record.completed_ms + HALF_MS if record.completed_ms else None,
                    arrived_ms=record.enqueued_ms,
                    run_ms=max(record.run_ms or 0, 0),
                    deliveries=max(record.attempts, 1),
                )
                self._end(job_id, followed, end)
                gone.setdefault(followed.queue, []).append(job_id)
            remove_jobs(self._server, gone)

    def _end(self, job_id: str, followed: Followed, end: End) -> None:
        self._report(job_id, followed, end)
        if followed.whole is not None:
            followed.whole.one_ended()


def _first_line(error: str | None) -> str:
    lines = (error or "").strip().splitlines()
    return lines[-1] if lines else "no reason given"
