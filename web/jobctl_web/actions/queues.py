"""Pausing, resuming and purging queues."""

from __future__ import annotations

from starlette.responses import Response

from jobctl.errors import UsageError
from jobctl.inspector.emptying import PURGEABLE
from jobctl.records import JobState
from jobctl_web.action import Action, Order
from jobctl_web.confirm import Question, ask
from jobctl_web.roles import Role
from jobctl_web.text import plural


async def pause(order: Order) -> Response:
    """Let no worker start jobs of a queue any more."""
    queue = order.request.path_params["queue"]
    changed = await order.web.console.inspector(order.identity).pause(queue)
    return order.done(f"Queue {queue} {'is' if changed else 'was already'} paused.")


async def resume(order: Order) -> Response:
    """Let workers start jobs of a queue again."""
    queue = order.request.path_params["queue"]
    changed = await order.web.console.inspector(order.identity).resume(queue)
    return order.done(f"Queue {queue} {'runs again' if changed else 'was not paused'}.")


async def purge(order: Order) -> Response:
    """Delete a queue's jobs in some states, once its name has been typed."""
    queue = order.request.path_params["queue"]
    inspector = order.web.console.inspector(order.identity)
    if not order.is_confirmed:
        status = next((one for one in await inspector.queues() if one.name == queue), None)
        if status is None:
            raise UsageError(f"there is no queue `{queue}`")
        return ask(
            order,
            Question(
                title=f"Purge queue {queue}",
                text="Jobs in the states ticked are deleted, with everything that is kept of them.",
                verb="Purge",
                fields=[],
                choices=[
                    ("state", str(state), f"{state} ({status.counts[state]:,})")
                    for state in JobState
                    if state in PURGEABLE
                ],
                typed=queue,
            ),
        )
    if order.one("typed") != queue:
        return order.refused("Nothing was purged: the queue's name was not typed.")
    states = [JobState(each) for each in order.given.get("state", ()) if each in list(JobState)]
    if not states:
        return order.refused("Nothing was purged: no state was ticked.")
    count = await inspector.purge(queue, states)
    return order.done(f"{plural(count, 'job')} of queue {queue} deleted.")


ACTIONS = (
    Action("/queues/{queue}/pause", Role.OPERATOR, pause),
    Action("/queues/{queue}/resume", Role.OPERATOR, resume),
    Action("/queues/{queue}/purge", Role.ADMIN, purge),
)
