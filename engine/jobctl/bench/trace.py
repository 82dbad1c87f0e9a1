"""What one phase left behind: who sent what when, what ran when, how jobs ended, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jobctl.bench.journal import Load, Runs, Sent, read_journal
from jobctl.bench.sampling import Moment
from jobctl.broker import keys
from jobctl.broker.connect import connect_blocking

if TYPE_CHECKING:
    from redis import Redis

    from jobctl.bench.scenario import Phase

INTERRUPTED = "interrupted"
"""Somebody pressed Ctrl-C."""
CUT_OFF = "cut off"
"""The limit of a phase was reached."""
MS = 1e6  # ns
LOOKUP = 500  # records read in one call
ENDS = {"complete": "completed", "failed": "dead", "aborting": "cancelled", "aborted": "cancelled"}
"""SAQ's status of a record -> the metric that counts it; any other is `lost`: not done in time, or no record."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a handler; times are `time.monotonic_ns`."""

    key: str
    queue: str
    started: int
    ended: int


@dataclass(frozen=True, slots=True)
class Job:
    """One job as its sender saw it: when it was due, when it was sent, and when the broker had taken it."""

    queue: str
    due: int
    sent: int
    taken: int


@dataclass(kw_only=True)
class Trace:
    """All that was seen of one phase.

    Attributes:
        prefix: of the run's queues, which people need not see.
        jobs: key -> job, in the order they were sent.
        runs: in the order of their starts.
        heard: record id -> when its end was published; empty for a backlog, whose figures do not need it.
        ends: metric -> jobs that ended so (count).
        producer: what the generator used.
        workers: the same of each worker process.
        before: the broker, before anything was enqueued.
        filled: and when the workers were about to start; for arrivals the same as ``before``.
        is_coarse: some runs are known to a millisecond only: the order of starts is not.
        stopped: "" = it went to its end; else INTERRUPTED or CUT_OFF.
    """

    phase: Phase
    prefix: str
    weights: Mapping[str, int]
    before: Moment
    filled: Moment
    moments: Sequence[Moment] = ()
    jobs: dict[str, Job] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    heard: Mapping[str, int] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    producer: list[Load] = field(default_factory=list)
    workers: list[list[Load]] = field(default_factory=list)
    stopped: str = ""
    is_coarse: bool = False

    def name_of(self, queue: str) -> str:
        """Return a queue's name as people know it."""
        return queue.removeprefix(self.prefix)

    def read_producer(self, journal: Path) -> None:
        """Take in the generator's journal."""
        for line in read_journal(journal):
            if isinstance(line, Sent):
                self.producer.append(line.load)
                self.jobs.update(zip(line.keys, map(Job, line.queues, line.due, line.sent, line.taken), strict=True))

    def read_worker(self, journal: Path) -> None:
        """Take in a worker's journal."""
        loads: list[Load] = []
        for line in read_journal(journal):
            if isinstance(line, Runs):
                loads.append(line.load)
                self.runs += map(Run, line.keys, line.queues, line.started, line.ended)
        self.workers.append(loads)

    def read_records(self, url: str) -> None:
        """Look up how every job ended, in its record, and when, for those whose handlers could not tell.

        Handlers of isolated jobs run in processes that keep no journal. Their records hold the times to a millisecond,
        by the broker's clock.
        """
        self.ends = dict.fromkeys([*ENDS.values(), "lost"], 0)
        noted = {run.key for run in self.runs}
        with connect_blocking(url) as server:
            offset_ns = _clock_offset_ns(server)
            for batch in _batches(self.jobs.items()):
                answers: Any = server.mget([keys.job_id(job.queue, key) for key, job in batch])
                for (key, job), raw in zip(batch, answers, strict=True):
                    record = _Record() if raw is None else _decode(raw)
                    self.ends[ENDS.get(record.status, "lost")] += 1
                    if key not in noted and record.completed:
                        started, ended = (int(ms * MS) + offset_ns for ms in (record.started, record.completed))
                        self.is_coarse = True
                        self.runs.append(Run(key, job.queue, started, ended))
        self.runs.sort(key=lambda run: run.started)


class _Record(msgspec.Struct):
    status: str = ""
    started: float = 0
    completed: float = 0


_decode = msgspec.json.Decoder(_Record).decode


def _clock_offset_ns(server: Redis) -> int:
    """Return what is added to the broker's time to get ours (`time.monotonic_ns`)."""
    before_ns = time.monotonic_ns()
    answer: Any = server.time()
    seconds, micros = answer
    return int((before_ns + time.monotonic_ns()) // 2 - (seconds * 1_000_000 + micros) * 1_000)


def _batches(items: Iterable[tuple[str, Job]]) -> Iterable[list[tuple[str, Job]]]:
    batch: list[tuple[str, Job]] = []
    for item in items:
        batch.append(item)
        if len(batch) == LOOKUP:
            yield batch
            batch = []
    if batch:
        yield batch
