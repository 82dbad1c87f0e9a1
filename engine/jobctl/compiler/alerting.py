"""The job that delivers alerts, and its queue: in every plan that declares alerts."""

from __future__ import annotations

from typing import Final

from jobctl.compiler.plan import Registration
from jobctl.spec import Spec
from jobctl.spec.model import ALERTS_QUEUE, Backoff, FieldType, PayloadField, QueueSpec

JOB: Final = "jobctl-alert"
TYPE: Final = "jobctl:alert"
EVENTS: Final = ("firing", "resolved", "test")

DELIVERY: Final = Registration(
    name=JOB,
    type=TYPE,
    handler="jobctl.alerts.delivery:deliver",
    queue=ALERTS_QUEUE,
    summary="Deliver an alert to one of its destinations",
    attempts=6,
    timeout_s=60.0,
    heartbeat_s=0.0,
    retention_s=7 * 86_400.0,
    dead_retention_s=30 * 86_400.0,
    max_crashes=3,
    backoff=Backoff(delay_s=10.0, factor=3.0, max_s=600.0, jitter=0.5),
    unique=None,
    payload=(
        PayloadField(name="alert", type=FieldType.STRING, flag="alert", help="Its name in the spec"),
        PayloadField(name="event", type=FieldType.ENUM, flag="event", choices=EVENTS, help="What it tells"),
        PayloadField(name="title", type=FieldType.STRING, flag="title", help="In one line"),
        PayloadField(
            name="lines",
            type=FieldType.LIST,
            flag="lines",
            items=PayloadField(name="lines", type=FieldType.STRING),
            help="The particulars",
        ),
        PayloadField(name="at_ms", type=FieldType.INT, flag="at-ms", help="When it was found, ms since the epoch"),
        PayloadField(name="to", type=FieldType.INT, flag="to", minimum=0, help="Which of its destinations, from 0"),
    ),
    alert=(),
    tags=(),
)


def queues_of(spec: Spec) -> tuple[QueueSpec, ...]:
    """Return the queues of a spec, with that of alerts if it declares any and not the queue."""
    if not spec.alerts or any(queue.name == ALERTS_QUEUE for queue in spec.queues):
        return spec.queues
    return (*spec.queues, QueueSpec(name=ALERTS_QUEUE))


def delivery_of(spec: Spec) -> tuple[Registration, ...]:
    """Return the job that delivers, if there is anything to deliver."""
    return (DELIVERY,) if spec.alerts else ()
