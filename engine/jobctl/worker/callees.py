"""What a worker calls: handlers of a plan, and functions registered the way stock SAQ does."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from jobctl.broker.record import Wire
from jobctl.compiler.handlers import Handler
from jobctl.compiler.plan import Registration
from jobctl.worker.context import Context

if TYPE_CHECKING:
    from saq import Job


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


class StockCallee:
    """A function written for stock SAQ: called with SAQ's context dict and the payload as it is."""

    registration: Registration | None = None
    is_async = True
    keeps_time = False

    def __init__(
        self,
        function: Callable[..., Any],
        make_job: Callable[[bytes], Job],
        base_context: dict[str, Any],
        before: Callable[[Any], Awaitable[None]],
        after: Callable[[Any], Awaitable[None]],
    ) -> None:
        self._function = function
        self._make_job = make_job
        self._base = base_context
        self._before, self._after = before, after

    def prepare(self, wire: Wire, raw: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return SAQ's context, with a `saq.Job` in it, and the payload."""
        return {**self._base, "job": self._make_job(raw)}, wire.kwargs or {}

    async def call(self, context: Any, /, **payload: Any) -> Any:
        """Run the function between SAQ's two process hooks."""
        try:
            await self._before(context)
            if inspect.iscoroutinefunction(self._function):
                return await self._function(context, **payload)
            return await asyncio.to_thread(self._function, context, **payload)
        except BaseException as error:
            context["exception"] = error
            raise
        finally:
            await self._after(context)
