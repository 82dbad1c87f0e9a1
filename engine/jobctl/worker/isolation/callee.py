"""What a worker calls for a job with `isolation: process`."""

from __future__ import annotations

from typing import Any

import msgspec

from jobctl.broker.record import Wire
from jobctl.compiler.handlers import Handler
from jobctl.compiler.plan import Registration
from jobctl.outcomes import Cancel, Dead, RetryAfter
from jobctl.worker.context import Context
from jobctl.worker.isolation.failures import HandlerRaised
from jobctl.worker.isolation.messages import Done, Failed, Kind
from jobctl.worker.isolation.pool import ProcessPool


class IsolatedCallee:
    """A handler of a plan that runs in a child process, which converts the payload and makes its own context."""

    __slots__ = ("_check", "_name", "_pool", "registration", "state")

    is_async = True
    keeps_time = True  # the child's start is not the job's time

    def __init__(self, handler: Handler, state: dict[str, Any], pool: ProcessPool) -> None:
        self.registration: Registration | None = handler.registration
        self.state = state
        self._name = handler.registration.name
        self._check = handler.schema.convert
        self._pool = pool

    def prepare(self, wire: Wire, raw: bytes) -> tuple[Context, dict[str, Any]]:
        """Return the worker's own context of the job, and what the pool needs to run it."""
        self._check(wire.kwargs or {})
        context = Context(wire, name=self._name, state=self.state)
        return context, {"raw": raw, "timeout_s": wire.timeout or 0, "heartbeat_s": wire.heartbeat}

    async def call(self, context: Any, /, **request: Any) -> msgspec.Raw:
        """Run the handler; return its result as JSON, or raise what it raised."""
        answer = await self._pool.run(context, **request)
        if isinstance(answer, Done):
            return answer.result
        raise _outcome(answer)


def _outcome(failed: Failed) -> Exception:
    match failed.kind:
        case Kind.CANCEL:
            return Cancel(failed.text)
        case Kind.DEAD:
            return Dead(failed.text)
        case Kind.RETRY_AFTER:
            return RetryAfter(failed.delay_s, failed.text)
        case Kind.ERROR:
            return HandlerRaised(failed.text, failed.name)
