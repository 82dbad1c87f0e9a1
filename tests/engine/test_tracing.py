"""Traces from enqueue to run, with OpenTelemetry's in-memory exporter; and nothing of it where nobody asked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from jobctl import tracing
from jobctl.broker.connect import connect
from jobctl.client import BlockingClient, Client, NewJob
from jobctl.compiler import bind, load_plan
from jobctl.compiler.plan import Plan
from jobctl.inspector import Inspector
from jobctl.worker import Worker

trace = pytest.importorskip("opentelemetry.trace", reason="the extra `otel` is not installed")
sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra `otel` is not installed")
export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
processors = pytest.importorskip("opentelemetry.sdk.trace.export")

SPEC = """\
version: 1
defaults: {backoff: {delay: 10ms, jitter: 0}, retries: 2}
jobs:
  greet: {handler: "traced_app:greet", payload: {name: string}}
  in-thread: {handler: "traced_app:in_thread"}
  stumble: {handler: "traced_app:stumble"}
  give-up: {handler: "traced_app:give_up"}
  leave: {handler: "traced_app:leave"}
  once: {handler: "traced_app:in_thread", unique: {for: 1h}}
"""
HANDLERS = """\
from jobctl import Cancel, Dead
from opentelemetry import trace

async def greet(ctx, name):
    with trace.get_tracer("app").start_as_current_span("inside"):
        return name

def in_thread(ctx):
    with trace.get_tracer("app").start_as_current_span("inside"):
        return 1

async def stumble(ctx):
    if ctx.attempt < 3:
        raise ValueError("not yet")

async def give_up(ctx):
    raise Dead("hopeless")

async def leave(ctx):
    raise Cancel("nothing to do")
"""


class Traced:
    """A plan, a worker, and the spans of what they did."""

    def __init__(self, plan: Plan, url: str, spans: Any) -> None:
        self.plan = plan
        self.url = url
        self.exporter = spans

    async def work(self) -> None:
        worker = Worker.for_plan(self.plan, bind(self.plan), url=self.url, burst=True)
        async with asyncio.timeout(20):
            await worker.run()

    def spans(self, name: str) -> list[Any]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def span(self, name: str) -> Any:
        (found,) = self.spans(name)
        return found


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plan]:
    (tmp_path / "jobs.yaml").write_text(SPEC)
    (tmp_path / "traced_app.py").write_text(HANDLERS)
    monkeypatch.syspath_prepend(tmp_path)
    yield load_plan(tmp_path / "jobs.yaml")
    sys.modules.pop("traced_app", None)


@pytest.fixture
def traced(plan: Plan, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Traced:
    exporter = export.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(processors.SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)  # `set_tracer_provider` can be called once a process
    return Traced(plan, redis_url, exporter)


@pytest.fixture
async def client(traced: Traced) -> Any:
    async with Client(traced.plan, traced.url) as found:
        yield found


@pytest.fixture
async def broker(redis_url: str) -> Any:
    found: Redis = connect(redis_url)
    yield found
    await found.aclose()


async def test_a_trace_goes_from_the_caller_through_the_job_to_what_the_handler_does(traced, client) -> None:
    with trace.get_tracer("app").start_as_current_span("request"):
        job = await client.enqueue("greet", name="Ada")
    await traced.work()

    request, create, process, inside = map(traced.span, ("request", "create greet", "process greet", "inside"))
    assert [span.parent.span_id for span in (create, process, inside)] == [
        span.context.span_id for span in (request, create, process)
    ]
    assert {span.context.trace_id for span in (create, process, inside)} == {request.context.trace_id}
    assert (create.kind, process.kind) == (trace.SpanKind.PRODUCER, trace.SpanKind.CONSUMER)
    assert dict(process.attributes) == {
        "messaging.system": "jobctl",
        "messaging.destination.name": "default",
        "messaging.message.id": job.key,
        "messaging.operation.type": "process",
        "jobctl.job": "greet",
        "jobctl.attempt": 1,
        "jobctl.max_attempts": 3,
    }
    assert process.status.status_code is trace.StatusCode.UNSET


async def test_a_plain_function_runs_inside_its_span_too(traced, client) -> None:
    await client.enqueue("in-thread")
    await traced.work()

    assert traced.span("inside").parent.span_id == traced.span("process in-thread").context.span_id


async def test_retries_belong_to_one_trace_and_name_the_attempt_before(traced, client, broker) -> None:
    job = await client.enqueue("stumble")
    async with asyncio.timeout(20):
        while not (await Inspector(broker).job(job.key)).state.is_final:
            await traced.work()

    first, second, third = traced.spans("process stumble")
    create = traced.span("create stumble")
    assert {span.parent.span_id for span in (first, second, third)} == {create.context.span_id}
    assert [span.attributes["jobctl.attempt"] for span in (first, second, third)] == [1, 2, 3]
    assert first.links == ()
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    assert [link.context.span_id for link in third.links] == [second.context.span_id]
    assert first.status.status_code is trace.StatusCode.ERROR
    assert first.events[0].attributes["exception.message"] == "not yet"
    assert third.status.status_code is trace.StatusCode.UNSET


async def test_a_replay_is_a_trace_of_its_own_linked_to_the_attempt_that_failed(traced, client, broker) -> None:
    job = await client.enqueue("give-up")
    await traced.work()
    await Inspector(broker, traced.plan).replay(job.key)
    await traced.work()

    failed, replay = traced.spans("process give-up")
    assert replay.context.trace_id != failed.context.trace_id
    assert [link.context.span_id for link in replay.links] == [failed.context.span_id]
    assert replay.parent.span_id == traced.spans("create give-up")[1].context.span_id


async def test_a_handler_that_cancels_its_job_is_no_error(traced, client) -> None:
    await client.enqueue("leave")
    await traced.work()

    span = traced.span("process leave")
    assert span.status.status_code is trace.StatusCode.UNSET
    assert span.attributes["jobctl.outcome"] == "cancelled"


async def test_many_jobs_have_a_span_each(traced, client) -> None:
    await client.enqueue_many(NewJob("greet", {"name": name}) for name in "abc")
    await traced.work()

    made = {span.context.span_id for span in traced.spans("create greet")}
    assert {span.parent.span_id for span in traced.spans("process greet")} == made
    assert len(made) == 3


def test_blocking_client_and_options(traced) -> None:
    with BlockingClient(traced.plan, traced.url) as blocking:
        job = blocking.enqueue("once", key="mine")
        asyncio.run(traced.work())
        record = blocking.wait(job, timeout=1)

    assert record.key == "mine"
    assert traced.span("process once").parent.span_id == traced.span("create once").context.span_id


async def test_a_job_that_nobody_traced_begins_a_trace(traced, plan, redis_url, server, client) -> None:
    job = await client.enqueue("greet", name="Ada")
    raw = server.get(job.id)
    server.set(job.id, raw.replace(b'"trace":{', b'"x":{'))
    await traced.work()

    assert traced.span("process greet").parent is None


@pytest.mark.parametrize(
    "broken", [b'"trace":7,"x":{', b'"trace":{"links":[1,"no"],"last":"no","y":', b'"trace":{"links":3,"y":']
)
async def test_what_is_no_trace_does_no_harm(traced, server, client, broken: bytes) -> None:
    job = await client.enqueue("greet", name="Ada")
    raw = server.get(job.id)
    rest = b"{" if broken.endswith(b"{") else b'{"traceparent"'
    server.set(job.id, raw.replace(b'"trace":{"traceparent":', broken + (b'"z":' if rest == b"{" else b"")))
    await traced.work()

    assert (await client.wait(job, timeout=1)).state == "complete"


async def test_without_a_tracer_provider_records_stay_plain(plan, redis_url, server) -> None:
    async with Client(plan, redis_url) as client:
        job = await client.enqueue("greet", name="Ada")

    assert not tracing.is_on()
    assert b"meta" not in server.get(job.id)


@pytest.mark.parametrize(
    "before", ["", "import sys; sys.modules['opentelemetry'] = None;"], ids=["unused", "not there"]
)
def test_a_program_that_does_not_trace_does_not_load_the_tracer(before: str) -> None:
    """The Redis client loads the API where it is installed; it is nothing without the SDK, which nobody loads."""
    script = before + (
        "import sys; from jobctl.client import Client; from jobctl.worker import Worker; from jobctl import tracing;"
        "from jobctl.inspector import Inspector; print(tracing.is_on(), 'opentelemetry.sdk.trace' in sys.modules)"
    )

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert run.stdout == "False False\n"
