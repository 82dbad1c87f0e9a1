"""What one measurement reports, and how a handler takes it.

A subject is measured in a process of its own, on a server of its own. It prints its sample as one JSON line.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from jobctl.broker.connect import connect_blocking


def cpu_s() -> float:
    """Return the CPU seconds this process has used so far, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement of one subject.

    Attributes:
        jobs: jobs measured (count).
        seconds: wall time they took.
        cpu_s: CPU seconds of the measured process meanwhile; the server's are not in it.
        worst_of_10: fairness only: starts by which a window of 10 was furthest off its weights.
        worst_of_100: the same for windows of 100.
        reads: times the server read from a socket meanwhile; work only.
    """

    jobs: int
    seconds: float
    cpu_s: float
    worst_of_10: float | None = None
    worst_of_100: float | None = None
    reads: int | None = None

    @property
    def rate_per_s(self) -> float:
        """Jobs per second."""
        return self.jobs / self.seconds

    @property
    def cpu_s_per_1000(self) -> float:
        """CPU seconds per 1,000 jobs."""
        return self.cpu_s / self.jobs * 1000

    def print(self) -> None:
        """Write the sample to standard output, for the parent to read."""
        print(json.dumps(asdict(self)), flush=True)

    @classmethod
    def parse(cls, output: str) -> Sample:
        """Read the sample from a subject's output: its last line."""
        return cls(**json.loads(output.strip().splitlines()[-1]))


def socket_reads(url: str) -> int:
    """Return how often the server has read from a socket so far."""
    with connect_blocking(url) as server:
        return int(server.info("stats")["total_reads_processed"])


class Lap:
    """Counts the starts of a no-op job and takes the time between the first and the last.

    The start of the process and its way to the first job are left out: they are paid once, not per job.
    """

    def __init__(self, jobs: int, when_done: Callable[[], object]) -> None:
        self.jobs = jobs
        self.when_done = when_done
        self.count = 0
        self.began_s = self.ended_s = self.cpu_began_s = self.cpu_ended_s = 0.0

    def start(self) -> None:
        """Count one start. Called by the handler."""
        self.count += 1
        if self.count == 1:
            self.began_s, self.cpu_began_s = time.perf_counter(), cpu_s()
        elif self.count == self.jobs:
            self.ended_s, self.cpu_ended_s = time.perf_counter(), cpu_s()
            self.when_done()

    def sample(self, *, worst_of_10: float | None = None, worst_of_100: float | None = None) -> Sample:
        """Return what was measured.

        Raises:
            RuntimeError: the worker stopped before the last job started.
        """
        if self.count < self.jobs:
            raise RuntimeError(f"only {self.count} of {self.jobs} jobs were started")
        return Sample(
            jobs=self.jobs - 1,
            seconds=self.ended_s - self.began_s,
            cpu_s=self.cpu_ended_s - self.cpu_began_s,
            worst_of_10=worst_of_10,
            worst_of_100=worst_of_100,
        )
