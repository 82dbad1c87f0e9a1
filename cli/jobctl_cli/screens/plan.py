"""The compiled plan: queues with shares, registrations with SAQ's numbers, schedules with their next times."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jobctl.durations import format_duration
from jobctl_cli import table
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan, Registration, Schedule
    from jobctl_cli.environment import Environment


def shape(plan: Plan, now: datetime, times: int) -> dict[str, Any]:
    """Return the plan as plain data, with the next times of each schedule after a moment."""
    return {
        "fingerprint": plan.fingerprint,
        "scheduling": str(plan.scheduling),
        "queues": [
            {"name": queue.name, "weight": queue.weight, "share": round(queue.share, 4)} for queue in plan.queues
        ],
        "registrations": [_registration(registration) for registration in plan.registrations],
        "schedules": [_schedule(schedule, now, times) for schedule in plan.schedules],
        "hooks": {"startup": plan.hooks.startup, "shutdown": plan.hooks.shutdown, "error": plan.hooks.error},
    }


def _registration(registration: Registration) -> dict[str, Any]:
    backoff = registration.backoff
    return {
        "name": registration.name,
        "type": registration.type,
        "queue": registration.queue,
        "handler": registration.handler,
        "summary": registration.summary,
        "attempts": registration.attempts,
        "timeout_s": registration.timeout_s,
        "heartbeat_s": registration.heartbeat_s,
        "retention_s": registration.retention_s,
        "dead_retention_s": registration.dead_retention_s,
        "max_crashes": registration.max_crashes,
        "isolation": str(registration.isolation),
        "backoff": {
            "delay_s": backoff.delay_s,
            "factor": backoff.factor,
            "max_s": backoff.max_s,
            "jitter": backoff.jitter,
        },
        "unique": (
            {"by": list(registration.unique.by), "for_s": registration.unique.for_s} if registration.unique else None
        ),
        "payload": [
            {"name": field.name, "type": str(field.type), "required": field.required, "secret": field.secret}
            for field in registration.payload
        ],
        "alert": [str(event) for event in registration.alert],
        "tags": list(registration.tags),
    }


def _schedule(schedule: Schedule, now: datetime, times: int) -> dict[str, Any]:
    from jobctl.scheduler.cron import next_times

    moments = next_times(schedule.expression, schedule.timezone, now, times)
    return {
        "id": schedule.id,
        "job": schedule.job,
        "queue": schedule.queue,
        "cron": schedule.expression,
        "timezone": schedule.timezone,
        "catch_up": str(schedule.catch_up),
        "next": [moment.isoformat() for moment in moments],
    }


def render(data: dict[str, Any], env: Environment) -> str:
    """Return the plan as three tables."""
    width = table.screen_width(env)
    queues = table.render(
        [Column("QUEUE"), Column("WEIGHT", right=True), Column("SHARE", right=True)],
        [[queue["name"], str(queue["weight"]), f"{queue['share']:.1%}"] for queue in data["queues"]],
        env.out,
        width,
    )
    registrations = table.render(
        [
            Column("JOB"),
            Column("TYPE", least=8),
            Column("QUEUE"),
            Column("ATTEMPTS", right=True),
            Column("TIMEOUT", right=True),
            Column("BACKOFF", least=8),
            Column("KEEP", right=True),
            Column("HANDLER", least=12),
        ],
        [_job_row(registration) for registration in data["registrations"]],
        env.out,
        width,
    )
    parts = [f"plan {data['fingerprint']}, {data['scheduling']} scheduling", queues, registrations]
    if data["schedules"]:
        parts.append(
            table.render(
                [Column("SCHEDULE"), Column("CRON"), Column("TIMEZONE"), Column("NEXT", least=25)],
                [_schedule_row(schedule) for schedule in data["schedules"]],
                env.out,
                width,
            )
        )
    return "\n\n".join(parts)


def _job_row(registration: dict[str, Any]) -> list[str | Cell]:
    backoff = registration["backoff"]
    growth = f" x{backoff['factor']:g}" if backoff["factor"] != 1 else ""
    retries = f"{format_duration(backoff['delay_s'])}{growth}" if registration["attempts"] > 1 else "-"
    return [
        registration["name"],
        registration["type"],
        registration["queue"],
        str(registration["attempts"]),
        _limit(registration["timeout_s"], "none"),
        retries,
        _limit(registration["retention_s"], "ever"),
        Cell(registration["handler"], "dim"),
    ]


def _schedule_row(schedule: dict[str, Any]) -> list[str | Cell]:
    moments = [datetime.fromisoformat(text) for text in schedule["next"]]
    shown = [f"{moments[0]:%a %Y-%m-%d %H:%M:%S}"] if moments else []
    for before, moment in pairwise(moments):
        shown.append(f"{moment:%H:%M:%S}" if before.date() == moment.date() else f"{moment:%a %Y-%m-%d %H:%M:%S}")
    return [schedule["id"], schedule["cron"], schedule["timezone"], ", ".join(shown) or "never"]


def _limit(seconds: float, boundless: str) -> str:
    if seconds == 0:
        return boundless
    return "no" if seconds < 0 else format_duration(seconds)
