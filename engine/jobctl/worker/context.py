"""What a handler is given: its job, a logger, progress, and what the startup hook made."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from jobctl.broker.keys import job_id
from jobctl.broker.record import Wire
from jobctl.tracing import TRACE

_log = logging.getLogger("jobctl.handler")

current: ContextVar[Context | None] = ContextVar("jobctl_job", default=None)
"""The context of the job on whose behalf code runs: a task or thread that is begun for it inherits it."""


class JobLog(logging.LoggerAdapter[logging.Logger]):
    """A logger whose every line carries the job's key, type, queue and attempt."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """Add the job's facts to those of the call."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


class Context:
    """One run of a job, as its handler sees it. Cheap to make: what is rarely asked for is made when asked.

    Attributes:
        key: the job's key.
        type: its wire type.
        name: its name in the spec.
        queue: the queue it came from.
        attempt: number of this attempt, from 1. Crashes and shutdowns do not count.
        max_attempts: attempts in all.
        state: what the startup hook put there, shared by all jobs of the worker.
    """

    __slots__ = (
        "_log",
        "_wire",
        "attempt",
        "beat_at",
        "fraction",
        "key",
        "max_attempts",
        "name",
        "queue",
        "state",
        "type",
    )

    def __init__(self, wire: Wire, *, name: str, state: dict[str, Any]) -> None:
        self.key = wire.key
        self.type = wire.function
        self.name = name
        self.queue = wire.queue
        self.attempt = wire.attempts + 1
        self.max_attempts = max(wire.retries, 1)
        self.state = state
        self.fraction: float | None = None
        self.beat_at = 0.0
        self._wire = wire
        self._log: JobLog | None = None
        current.set(self)

    @property
    def payload(self) -> Mapping[str, Any]:
        """The payload as it was stored (JSON types)."""
        return self._wire.kwargs or {}

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure of this attempt makes the job dead."""
        return self.attempt >= self.max_attempts

    @property
    def enqueued_at(self) -> datetime:
        """When the job was enqueued, on the broker's clock."""
        return datetime.fromtimestamp(self._wire.queued / 1000, UTC)

    @property
    def id(self) -> str:
        """The key of its record in Redis."""
        return job_id(self.queue, self.key)

    @property
    def trace(self) -> Any:
        """What the job took along of the trace it was enqueued in, see `jobctl.tracing`; None = nothing."""
        return self._wire.ours.get(TRACE)

    @property
    def tick(self) -> datetime | None:
        """The nominal time of the schedule's tick that made this job; None for any other job."""
        schedule = self._wire.ours.get("schedule")
        if not isinstance(schedule, dict):
            return None
        return datetime.fromtimestamp(schedule["tick_ms"] / 1000, UTC)

    @property
    def log(self) -> JobLog:
        """A logger for this run."""
        if self._log is None:
            facts = {"job": self.name, "key": self.key, "type": self.type, "queue": self.queue, "attempt": self.attempt}
            self._log = JobLog(_log, facts)
        return self._log

    def progress(self, fraction: float) -> None:
        """Say how far the job is, 0 to 1. Cheap, from a coroutine or a thread; seen by others within a second.

        Raises:
            ValueError: outside 0 to 1.
        """
        if not 0 <= fraction <= 1:
            raise ValueError(f"progress is a fraction between 0 and 1, not {fraction}")
        self.fraction = float(fraction)  # a number of any kind, and not every kind is JSON
        self.beat_at = time.monotonic()

    def heartbeat(self) -> None:
        """Say that the job is alive. A job that declares `heartbeat` is timed out when it stays silent for longer."""
        self.beat_at = time.monotonic()
