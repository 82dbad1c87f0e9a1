"""Traces, for programs that use OpenTelemetry (the extra `otel`): from the enqueue of a job to each of its attempts.

There is nothing to switch on: where a program has set a tracer provider, its jobs are traced, and what they were made
in travels in their `meta`. In any other program nothing of OpenTelemetry is imported from here.

    create tenant-init ──▶ process tenant-init (attempt 1) ◀─ link ─ process tenant-init (attempt 2)
                                                        ▲
                           process tenant-init ── link ─┘  the replay: a trace of its own

Source:
    OpenTelemetry's conventions for messaging: a span for the creation of each message, its context in the message.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobctl.outcomes import Cancel

if TYPE_CHECKING:
    from opentelemetry.trace import Link, Span, Tracer

TRACE = "trace"
"""Where a job's `meta` has it: W3C `traceparent` and its like, ``links`` (of a replay), ``last`` (attempt)."""

_API = "opentelemetry.trace"
_PARENT, _LINKS, _LAST = "traceparent", "links", "last"


def is_on() -> bool:
    """Return whether this program has set a tracer provider."""
    return _API in sys.modules and _is_provided()


def _is_provided() -> bool:
    from opentelemetry import trace

    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def created(job: str, queue: str, key: str) -> dict[str, Any]:
    """Tell of the creation of a job, as part of what is going on; return what its `meta` takes along."""
    from opentelemetry import propagate, trace

    facts = {**_facts(queue, key), "messaging.operation.type": "create"}
    span = _tracer().start_span(f"create {job}", kind=trace.SpanKind.PRODUCER, attributes=facts)
    carrier: dict[str, Any] = {}
    propagate.inject(carrier, context=trace.set_span_in_context(span))
    span.end()
    return carrier


def replayed(stored: Any, job: str, queue: str, key: str) -> dict[str, Any]:
    """Return what the `meta` of a replay takes along: a trace of its own, linked to that of its origin.

    Args:
        stored: what the origin took along, as found in its record.
        job: name or type.
    """
    trace = stored if isinstance(stored, Mapping) else {}
    links = [link for name in (_LAST, _PARENT) if isinstance(link := trace.get(name), str)][:1]
    carrier = created(job, queue, key) if is_on() else {}
    return {**carrier, _LINKS: links} if links else carrier


@contextmanager
def processing(
    stored: Any, *, job: str, queue: str, key: str, attempt: int, max_attempts: int
) -> Iterator[dict[str, Any]]:
    """Trace one attempt; its span is the current one meanwhile. Yields what the record is to keep if it fails.

    Args:
        stored: what the job took along, as found in its record.
    """
    from opentelemetry import propagate, trace

    told = stored if isinstance(stored, Mapping) else {}
    carrier = {name: value for name, value in told.items() if isinstance(value, str) and name != _LAST}
    found = told.get(_LINKS)
    texts = [*(found if isinstance(found, list) else []), told.get(_LAST)]
    facts: dict[str, Any] = {
        **_facts(queue, key),
        "messaging.operation.type": "process",
        "jobctl.job": job,
        "jobctl.attempt": attempt,
        "jobctl.max_attempts": max_attempts,
    }
    with _tracer().start_as_current_span(
        f"process {job}",
        context=propagate.extract(carrier),
        kind=trace.SpanKind.CONSUMER,
        attributes=facts,
        links=[link for text in texts if (link := _link(text)) is not None],
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        here: dict[str, str] = {}
        propagate.inject(here)
        try:
            yield {**told, _LAST: here.get(_PARENT, "")}
        except BaseException as error:
            _note(span, error)
            raise


def _note(span: Span, error: BaseException) -> None:
    from opentelemetry import trace

    if isinstance(error, Cancel):  # the handler has found that there is nothing to do
        span.set_attribute("jobctl.outcome", "cancelled")
        return
    span.record_exception(error)
    span.set_status(trace.Status(trace.StatusCode.ERROR, f"{type(error).__name__}: {error}"))


def _link(text: Any) -> Link | None:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if not isinstance(text, str):
        return None
    context = TraceContextTextMapPropagator().extract({_PARENT: text})
    found = trace.get_current_span(context).get_span_context()
    return trace.Link(found) if found.is_valid else None


def _facts(queue: str, key: str) -> dict[str, str]:
    return {"messaging.system": "jobctl", "messaging.destination.name": queue, "messaging.message.id": key}


def _tracer() -> Tracer:
    from opentelemetry import trace

    import jobctl

    return trace.get_tracer("jobctl", jobctl.__version__)
