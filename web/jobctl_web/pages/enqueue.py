"""Which job to enqueue, and the form of one."""

from __future__ import annotations

from typing import Any

from jobctl_web.console import Console
from jobctl_web.forms import NO_OPTIONS, controls
from jobctl_web.page import Ask, Missing, Page
from jobctl_web.roles import Role


async def choose(console: Console, _: Ask) -> dict[str, Any]:
    """Return the declared jobs."""
    return {"registrations": console.plan.registrations if console.plan else ()}


async def form(console: Console, ask: Ask) -> dict[str, Any]:
    """Return the empty form of a job.

    Raises:
        Missing: no spec declares it.
    """
    registration = console.plan.by_name.get(ask.path["job"]) if console.plan else None
    if console.plan is None or registration is None:
        raise Missing(f"no job `{ask.path['job']}` is declared")
    return {
        "registration": registration,
        "controls": controls(registration),
        "queues": console.plan.queue_names,
        "options": NO_OPTIONS,
        "problem": None,
        "origin": None,
    }


CHOOSE = Page(path="/enqueue", template="enqueue.html", load=choose, section="enqueue", role=Role.OPERATOR, every_s=0)
FORM = Page(
    path="/enqueue/{job:path}",
    template="enqueue_form.html",
    load=form,
    section="enqueue",
    role=Role.OPERATOR,
    every_s=0,
)
