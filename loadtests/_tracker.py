"""Follows every enqueued job to its end, and says which did not get there.

Ends are heard on the channels that SAQ's format prescribes (each record's key is a channel too). A message may be lost,
a record is not: what was not heard of by the end is looked up.

Written for threads; under Locust, which patches them, its thread is a greenlet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from redis import Redis

from jobctl.broker import keys
from jobctl.broker.record import read_record
from jobctl.records import JobState

ENDS = {b"complete": None, b"failed": "dead", b"aborted": "cancelled"}
"""What a worker publishes when a job ends -> what that means for a load test, None = well."""
LOOKUP_BATCH = 500
PAUSE_S = 0.05

Report = Callable[[str, float, str | None], None]
"""Called with ``(job name, ms from enqueue to end, fault or None)`` for every job."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A job on its way: its name, and when its enqueue began (`time.perf_counter`, s)."""

    name: str
    began_s: float


class Tracker:
    """The jobs that are on their way.

    Args:
        server: a connection of the tracker's own.
        queues: whose jobs to follow.
        report: called once for every job.
    """

    def __init__(self, server: Redis, queues: Iterable[str], report: Report) -> None:
        self.report = report
        self.expected: dict[str, Expected] = {}
        self.faults = 0
        self._server = server
        self._subscription = server.pubsub(ignore_subscribe_messages=True)
        self._subscription.psubscribe(*(f"{keys.job_id(queue, '')}*" for queue in queues))
        self._closing = False
        self._listener = threading.Thread(target=self._listen, name="tracker", daemon=True)
        self._listener.start()

    def expect(self, job_id: str, name: str) -> None:
        """Follow a job. Call it before the enqueue: a quick worker may end the job before the answer is here."""
        self.expected[job_id] = Expected(name, time.perf_counter())

    def forget(self, job_id: str) -> None:
        """Follow a job no longer: its enqueue was refused."""
        self.expected.pop(job_id, None)

    def drain(self, timeout_s: float) -> int:
        """Wait for the jobs still on their way, then look up the rest and report what became of them.

        Returns:
            how many jobs of the whole run did not end well: dead, cancelled, not done in time, or lost (no record).
        """
        deadline_s = time.perf_counter() + timeout_s
        while self.expected and time.perf_counter() < deadline_s:
            time.sleep(PAUSE_S)
        self._closing = True
        self._listener.join()
        self._look_up()
        return self.faults

    def _listen(self) -> None:
        while not self._closing:
            message = self._subscription.get_message(timeout=PAUSE_S)
            if message is None or message["data"] not in ENDS:
                continue
            expected = self.expected.pop(message["channel"].decode(), None)
            if expected is not None:
                self._settle(expected, (time.perf_counter() - expected.began_s) * 1000, ENDS[message["data"]])
        self._subscription.close()

    def _look_up(self) -> None:
        rest = iter(list(self.expected.items()))
        self.expected.clear()
        while batch := dict(islice(rest, LOOKUP_BATCH)):
            answer: Any = self._server.mget(list(batch))
            for (job_id, expected), raw in zip(batch.items(), answer, strict=True):
                if raw is None:
                    self._settle(expected, 0.0, "lost: the broker has no record of it")
                    continue
                record = read_record(job_id, raw)
                took_ms = float(max(record.completed_ms - record.enqueued_ms, 0))
                fault = str(record.state) if record.state.is_final else f"not done in time: {record.state}"
                self._settle(expected, took_ms, None if record.state is JobState.COMPLETE else fault)

    def _settle(self, expected: Expected, took_ms: float, fault: str | None) -> None:
        self.faults += fault is not None
        self.report(expected.name, took_ms, fault)
