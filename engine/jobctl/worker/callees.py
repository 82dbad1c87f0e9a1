"""What a worker calls: the handlers of a plan. (`stock_callee` is for functions registered the way stock SAQ does.)"""

from __future__ import annotations

from typing import Any

from jobctl.broker.record import Wire
from jobctl.compiler.handlers import Handler
from jobctl.compiler.plan import Registration
from jobctl.worker.context import Context


class HandlerCallee:
    """A handler of a plan: called with a typed context and the converted payload."""

    __slots__ = ("_convert", "_name", "call", "is_async", "registration", "state")

    keeps_time = False

    def __init__(self, handler: Handler, state: dict[str, Any]) -> None:
        self.call = handler.function
        self.is_async = handler.is_async
        self.registration: Registration | None = handler.registration
        self.state = state
        self._name = handler.registration.name
        self._convert = handler.schema.convert

    def prepare(self, wire: Wire, raw: bytes) -> tuple[Context, dict[str, Any]]:  # noqa: ARG002 - the protocol's
        """Return the context and the payload as the handler takes it."""
        return Context(wire, name=self._name, state=self.state), self._convert(wire.kwargs or {})
