"""`outbox-drain`: enqueue the promised jobs that did not get through."""

from __future__ import annotations

from examples.tenants.resources import resources_of
from jobctl import Context


def drain_outbox(ctx: Context) -> dict[str, int]:
    """Keep every promise that waits.

    Raises:
        BrokerError: the broker went away; the next run goes on.
    """
    kept, unkeepable = resources_of(ctx.state).outbox.keep_all()
    if kept:
        ctx.log.info("outbox drained", extra={"kept": kept})
    if unkeepable:
        ctx.log.error("outbox holds jobs that cannot be enqueued; see `last_error` there", extra={"jobs": unkeepable})
    return {"kept": kept, "unkeepable": unkeepable}
