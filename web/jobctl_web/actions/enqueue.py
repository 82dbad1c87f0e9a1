"""Enqueueing by form, and running a job again with another payload."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from jobctl.durations import parse_duration
from jobctl.errors import JobctlError, PayloadError, UsageError
from jobctl.inspector import audit
from jobctl_web.action import Action, Order
from jobctl_web.console import actor
from jobctl_web.forms import OPTIONS, PREFIX, controls, read_form
from jobctl_web.roles import Role
from jobctl_web.text import segment


async def enqueue(order: Order) -> Response:
    """Enqueue a job as a form says."""
    console = order.web.console
    registration = console.declared.registration(order.one("registration"))
    texts = {name[len(PREFIX) :]: values[0] for name, values in order.given.items() if name.startswith(PREFIX)}
    payload, problems = read_form(registration, texts)
    options = {name: order.one(name) for name in OPTIONS}
    problem: JobctlError | None = None
    if not problems:
        try:
            done = await console.client.enqueue(registration.name, payload, **_options(options))
        except PayloadError as error:
            problems = {path.partition(".")[0].partition("[")[0]: text for path, text in error.problems}
            problem = error if not set(problems) & {field.name for field in registration.payload} else None
        except JobctlError as error:
            problem = error
        else:
            await audit.record(
                console.redis, "job.enqueue", target=f"{done.queue}:{done.key}", count=1, actor=actor(order.identity),
                detail={"type": done.type},
            )  # fmt: skip
            return order.done(f"Enqueued as {done.key}.", onward=f"/jobs/{segment(done.queue)}:{segment(done.key)}")
    values = {
        "registration": registration,
        "controls": controls(registration, texts, problems),
        "queues": console.declared.queue_names,
        "options": options,
        "problem": problem,
        "origin": None,
    }
    return order.web.draw(order.request, "enqueue_form.html", values, section="enqueue", status=422)


def _options(texts: dict[str, str]) -> dict[str, Any]:
    """Return a form's options as the client takes them.

    Raises:
        UsageError: one of them cannot be meant.
    """
    options: dict[str, Any] = {"unique": texts["unique"] != "no"}
    for name in ("delay", "timeout"):
        if texts[name]:
            try:
                options[name] = parse_duration(texts[name])
            except ValueError as error:
                raise UsageError(f"{name}: {error}") from None
    if texts["at"]:
        try:
            at = datetime.fromisoformat(texts["at"])
        except ValueError:
            raise UsageError(f"`{texts['at']}` is no time", hint="write e.g. `2026-01-31T09:00Z`") from None
        options["at"] = at if at.tzinfo else at.replace(tzinfo=UTC)
    if texts["retries"]:
        if not texts["retries"].isdigit():
            raise UsageError(f"retries is `{texts['retries']}`", hint="write a whole number, 0 or more")
        options["retries"] = int(texts["retries"])
    return options | {name: texts[name] for name in ("key", "queue") if texts[name]}


ACTIONS = (Action("/enqueue", Role.OPERATOR, enqueue),)
