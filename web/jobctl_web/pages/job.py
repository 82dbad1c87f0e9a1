"""One job with its whole history."""

from __future__ import annotations

from typing import Any

from jobctl.errors import JobNotFound, UsageError
from jobctl.inspector.lines import Lines
from jobctl.inspector.redaction import redact_line
from jobctl.records import Attempt, JobRecord, JobState
from jobctl_web.console import Console
from jobctl_web.display import address, hides_payload, job_name, shown
from jobctl_web.forms import NO_OPTIONS, controls, texts_of
from jobctl_web.page import Ask, Missing, Page
from jobctl_web.roles import Role


async def find(console: Console, ask: Ask) -> JobRecord:
    """Return the job that an address means, as it is stored.

    Raises:
        Missing: there is none, or several.
    """
    try:
        return await console.inspector().job(ask.path["job"])
    except (JobNotFound, UsageError) as error:
        raise Missing(error.message) from None


def attempts(record: JobRecord) -> list[Attempt]:
    """Return all attempts, also the one that runs and the one that went well: a record keeps those that failed."""
    found = list(record.history)
    if record.state is JobState.ACTIVE:
        found.append(
            Attempt(
                attempt=record.attempts + 1,
                outcome="active",
                at_ms=0,
                started_ms=record.started_ms,
                worker=record.worker,
            )
        )
    elif record.state is JobState.COMPLETE and (not found or found[-1].outcome != "complete"):
        found.append(
            Attempt(
                attempt=record.attempts,
                outcome="complete",
                at_ms=record.completed_ms,
                started_ms=record.started_ms,
                worker=record.worker,
            )
        )
    return found[::-1]


async def load(console: Console, ask: Ask) -> dict[str, Any]:
    """Read one job."""
    stored = await find(console, ask)
    record = shown(console.plan, stored)
    registration = console.plan.by_type.get(record.type) if console.plan else None
    tried = attempts(record)
    lines = await Lines(console.redis).of(stored)
    return {
        "job": record,
        "address": address(record),
        "name": job_name(console.plan, record.type),
        "registration": registration,
        "hides_payload": hides_payload(console.plan, stored),
        "attempts": tried,
        "lines": [redact_line(line, stored, console.plan) for line in lines] if console.plan else lines,
        "own_error": record.error if not any(each.error == record.error for each in tried) else None,
    }


PAGE = Page(path="/jobs/{job:path}", template="job.html", load=load, section="jobs")


async def edit(console: Console, ask: Ask) -> dict[str, Any]:
    """Return the form of a new run with another payload, filled with the present one.

    Raises:
        Missing: there is no such job, or no spec declares its type.
    """
    stored = await find(console, ask)
    registration = console.plan.by_type.get(stored.type) if console.plan else None
    if console.plan is None or registration is None:
        raise Missing(f"no spec declares the type `{stored.type}`, so its payload cannot be edited")
    if not stored.state.is_final:
        raise Missing(f"job `{stored.key}` has not ended: only then it can be replayed")
    record = shown(console.plan, stored)
    return {
        "registration": registration,
        "controls": controls(registration, texts_of(registration, record.payload), keeps_secrets=True),
        "queues": console.plan.queue_names,
        "options": NO_OPTIONS | {"queue": record.queue},
        "problem": None,
        "origin": address(record),
    }


EDIT = Page(
    path="/jobs/{job:path}/edit",
    template="enqueue_form.html",
    load=edit,
    section="jobs",
    role=Role.OPERATOR,
    every_s=0,
)
