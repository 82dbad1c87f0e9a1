"""What can be done to one job: replay it as it was or changed, cancel it, delete it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from jobctl.errors import BrokerError, JobctlError, PayloadError, UsageError
from jobctl.inspector.revision import Revision
from jobctl_web.action import Action, Order
from jobctl_web.confirm import Question, ask
from jobctl_web.display import address, shown
from jobctl_web.forms import NO_OPTIONS, PREFIX, changes_of, controls
from jobctl_web.pages.jobs import JobLine
from jobctl_web.roles import Role
from jobctl_web.text import segment

if TYPE_CHECKING:
    from jobctl.inspector.replay import Replayed


async def replay(order: Order) -> Response:
    """Run an ended job again."""
    done = await order.web.console.inspector(order.identity).replay(order.one("job"))
    return order.done(f"Replayed as {done.key}.", onward=_address(done))


async def cancel(order: Order) -> Response:
    """Cancel a job: at once if it waits, through its worker if it runs."""
    change = await order.web.console.inspector(order.identity).cancel(order.one("job"))
    if change.what == "cancelling":
        return order.done(f"The worker of {change.key} has been told to cancel it.")
    return order.done(f"{change.key} is cancelled.")


async def delete(order: Order) -> Response:
    """Delete a job with everything that is kept of it."""
    inspector = order.web.console.inspector(order.identity)
    if not order.is_confirmed:
        record = await inspector.job(order.one("job"))
        return ask(
            order,
            Question(
                title="Delete a job",
                text="Its record, its result and its history are gone then.",
                verb="Delete it",
                fields=[("job", address(record))],
                sample=[JobLine.of(order.web.console.plan, record)],
            ),
        )
    change = await inspector.delete(order.one("job"))
    return order.done(f"{change.key} is deleted.", onward="/jobs")


async def edit(order: Order) -> Response:
    """Run an ended job again with another payload."""
    console = order.web.console
    inspector = console.inspector(order.identity)
    record = await inspector.job(order.one("job"))
    if console.plan is None or record.type not in console.plan.by_type:
        raise UsageError(f"no spec declares the type `{record.type}`, so its payload cannot be edited")
    registration = console.plan.by_type[record.type]
    texts = {name[len(PREFIX) :]: values[0] for name, values in order.given.items() if name.startswith(PREFIX)}
    changes, problems = changes_of(registration, texts, shown(console.plan, record).payload)
    problem: JobctlError | None = None
    if not problems:
        queue = order.one("queue")
        revision = Revision(console.plan, changes, queue if queue != record.queue else None)
        try:
            done = await inspector.replay(address(record), revision=revision)
            return order.done(f"Replayed as {done.key}.", onward=_address(done))
        except BrokerError:
            raise
        except PayloadError as error:
            problems = dict(error.problems)
            problem = None if set(problems) & {field.name for field in registration.payload} else error
        except JobctlError as error:
            problem = error
    values = {
        "registration": registration,
        "controls": controls(registration, texts, problems, keeps_secrets=True),
        "queues": console.plan.queue_names,
        "options": NO_OPTIONS | {"queue": order.one("queue")},
        "problem": problem,
        "origin": address(record),
    }
    return order.web.draw(order.request, "enqueue_form.html", values, section="jobs", status=422)


def _address(done: Replayed) -> str:
    return f"/jobs/{segment(done.queue)}:{segment(done.key or '')}"


ACTIONS = (
    Action("/replay", Role.OPERATOR, replay),
    Action("/cancel", Role.OPERATOR, cancel),
    Action("/delete", Role.ADMIN, delete),
    Action("/edit", Role.OPERATOR, edit),
)
