"""One delivery of a job, from claim to end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from jobctl.broker.record import Wire
from jobctl.compiler.plan import Registration


class Cause(Enum):
    """Why the worker itself ended a run; a handler's own cancellation has no cause."""

    TIMEOUT = "timed out"
    SILENT = "heartbeat missed"
    CANCEL = "cancelled"
    SHUTDOWN = "shutdown"
    LOST = "lease lost"


class Callee(Protocol):
    """What the worker calls for one job type: a handler of a plan, or a function registered as SAQ does."""

    @property
    def is_async(self) -> bool:
        """Whether calling it gives a coroutine; otherwise it runs in a thread."""
        ...

    @property
    def keeps_time(self) -> bool:
        """Whether it ends a run itself that outlasts its timeout or its heartbeat."""
        ...

    @property
    def registration(self) -> Registration | None:
        """The compiled job; None for a function that no spec declares."""
        ...

    def prepare(self, wire: Wire, raw: bytes) -> tuple[Any, dict[str, Any]]:
        """Return the first argument and the keyword arguments of the call.

        Raises:
            PayloadError: the payload does not match its declaration.
        """
        ...

    def call(self, context: Any, /, **payload: Any) -> Any:
        """Call it."""
        ...


@dataclass(slots=True, eq=False)
class Run:
    """One delivery. Times ending in ``_at`` are the loop's monotonic seconds.

    ``after`` are earlier deliveries of the same job that still run here: this one begins when they have ended.
    """

    queue: int
    id: str
    token: str
    raw: bytes
    wire: Wire
    callee: Callee | None
    started_ms: int
    started_at: float
    deadline_at: float
    heartbeat_s: float = 0.0
    context: Any = None
    task: asyncio.Task[None] | None = None
    future: asyncio.Future[Any] | None = None
    cause: Cause | None = None
    note: str = ""
    touched_at: float = 0.0
    overdue: bool = False
    after: tuple[asyncio.Task[None], ...] = ()

    @property
    def attempt(self) -> int:
        """Number of this attempt, from 1."""
        return self.wire.attempts + 1

    @property
    def max_attempts(self) -> int:
        """Attempts in all."""
        return max(self.wire.retries, 1)

    def now_ms(self, now_at: float) -> int:
        """Return the broker's time for a monotonic time: its own clock at the claim, plus what has passed since."""
        return self.started_ms + int((now_at - self.started_at) * 1000)
