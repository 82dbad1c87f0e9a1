"""The facts of a plan: what a worker leaves in the broker when it starts, and what two plans are compared by.

Plain JSON, complete but for secrets: defaults and schedule payloads of secret fields are not in it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from jobctl.compiler.fingerprint import canonical
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan, Registration, Schedule
from jobctl.spec.model import NO_DEFAULT, PayloadField


def facts(plan: Plan) -> dict[str, Any]:
    """Return the plan as mappings by name: ``queues``, ``jobs``, ``schedules``, ``hooks``, ``scheduling``.

    Lists whose order means nothing are sorted, so that equal plans give equal facts.
    """
    return {
        "fingerprint": plan.fingerprint,
        "scheduling": str(plan.scheduling),
        "queues": {queue.name: _without(canonical(queue), "name", "share") for queue in plan.queues},
        "jobs": {job.name: _job(job) for job in plan.registrations},
        "schedules": {schedule.id: _schedule(plan, schedule) for schedule in plan.schedules},
        "hooks": canonical(plan.hooks),
    }


def _job(job: Registration) -> dict[str, Any]:
    shown: dict[str, Any] = _without(canonical(job), "name", "attempts", "payload")
    shown["retries"] = job.retries
    shown["payload"] = _fields(job.payload)
    return shown


def _fields(fields: tuple[PayloadField, ...]) -> dict[str, Any]:
    return {field.name: _field(field) for field in fields}


def _field(field: PayloadField) -> dict[str, Any]:
    open_field = dataclasses.replace(field, default=NO_DEFAULT) if field.secret else field
    shown: dict[str, Any] = _without(canonical(open_field), "name", "fields", "items")
    if field.fields:
        shown["fields"] = _fields(field.fields)
    if field.items is not None:
        shown["items"] = _field(field.items)
    return shown


def _schedule(plan: Plan, schedule: Schedule) -> dict[str, Any]:
    shown: dict[str, Any] = _without(canonical(schedule), "id")
    shown["payload"] = PayloadSchema(schedule.job, plan.by_name[schedule.job].payload).redact(schedule.payload)
    return shown


def _without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
