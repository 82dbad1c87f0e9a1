"""Follows every enqueued job to its end, and says which did not get there.

Ends are heard on the channels that SAQ's format prescribes (each record's key is a channel too). A message may be lost,
a record is not: what was not heard of by the end is looked up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import gevent
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
        self._server = server
        self._subscription = server.pubsub(ignore_subscribe_messages=True)
        self._subscription.psubscribe(*(f"{keys.job_id(queue, '')}*" for queue in queues))
        self._closing = False
        self._listener = gevent.spawn(self._listen)

    def expect(self, job_id: str, name: str) -> None:
        """Follow a job. Call it before the enqueue: a quick worker may end the job before the answer is here."""
        self.expected[job_id] = Expected(name, time.perf_counter())

    def forget(self, job_id: str) -> None:
        """Follow a job no longer: its enqueue was refused."""
        self.expected.pop(job_id, None)

    def drain(self, timeout_s: float) -> int:
        """Wait for the jobs still on their way, then look up the rest and report what became of them.

        Returns:
            how many of them did not end well: lost (no record), dead, cancelled, or not done in time.
        """
        deadline_s = time.perf_counter() + timeout_s
        while self.expected and time.perf_counter() < deadline_s:
            gevent.sleep(PAUSE_S)
        self._closing = True
        self._listener.join()
        return self._look_up()

    def _listen(self) -> None:
        while not self._closing:
            message = self._subscription.get_message(timeout=PAUSE_S)
            if message is None or message["data"] not in ENDS:
                continue
            expected = self.expected.pop(message["channel"].decode(), None)
            if expected is not None:
                self.report(expected.name, (time.perf_counter() - expected.began_s) * 1000, ENDS[message["data"]])
        self._subscription.close()

    def _look_up(self) -> int:
        faults = 0
        rest = iter(list(self.expected.items()))
        self.expected.clear()
        while batch := dict(islice(rest, LOOKUP_BATCH)):
            answer: Any = self._server.mget(list(batch))
            for (job_id, expected), raw in zip(batch.items(), answer, strict=True):
                fault = "lost: the broker has no record of it"
                took_ms = 0.0
                if raw is not None:
                    record = read_record(job_id, raw)
                    took_ms = float(max(record.completed_ms - record.enqueued_ms, 0))
                    fault = "" if record.state is JobState.COMPLETE else f"not done in time: {record.state}"
                faults += bool(fault)
                self.report(expected.name, took_ms, fault or None)
        return faults
