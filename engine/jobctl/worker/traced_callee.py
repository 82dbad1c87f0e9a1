"""A callee whose attempts are traced. A worker whose program traces nothing has none: see `jobctl.tracing`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from jobctl import tracing
from jobctl.broker.record import Wire, encode, read_fields
from jobctl.compiler.plan import Registration
from jobctl.records import META
from jobctl.worker.context import Context
from jobctl.worker.run import Callee, Run


class TracedCallee:
    """What another callee calls, in a span of its own.

    Args:
        inner: the callee of a plan's handler.
        run_of: returns the run of a record's id, if it is still under way.
    """

    def __init__(self, inner: Callee, run_of: Callable[[str], Run | None]) -> None:
        self._inner = inner
        self._run_of = run_of
        self.is_async = inner.is_async
        self.keeps_time = inner.keeps_time
        self.call: Callable[..., Any] = self._call_async if inner.is_async else self._call

    @property
    def registration(self) -> Registration | None:
        """The compiled job."""
        return self._inner.registration

    def prepare(self, wire: Wire, raw: bytes) -> tuple[Any, dict[str, Any]]:
        """Return what the inner callee returns."""
        return self._inner.prepare(wire, raw)

    async def _call_async(self, context: Context, /, **payload: Any) -> Any:
        with self._span(context) as kept:
            try:
                return await self._inner.call(context, **payload)
            except BaseException:
                self._keep(context, kept)
                raise

    def _call(self, context: Context, /, **payload: Any) -> Any:
        with self._span(context) as kept:
            try:
                return self._inner.call(context, **payload)
            except BaseException:
                self._keep(context, kept)
                raise

    def _span(self, context: Context) -> AbstractContextManager[dict[str, Any]]:
        return tracing.processing(
            context.trace,
            job=context.name,
            queue=context.queue,
            key=context.key,
            attempt=context.attempt,
            max_attempts=context.max_attempts,
        )

    def _keep(self, context: Context, trace: dict[str, Any]) -> None:
        """See to it that the record of a failed attempt, which is written anew, names the attempt's span."""
        run = self._run_of(context.id)
        if run is None:
            return
        fields = read_fields(run.raw)
        meta = fields.get("meta") or {}
        fields["meta"] = {**meta, META: {**(meta.get(META) or {}), tracing.TRACE: trace}}
        run.raw = encode(fields)
