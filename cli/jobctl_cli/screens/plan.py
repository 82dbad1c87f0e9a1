"""The compiled plan: queues with shares, registrations with SAQ's numbers, schedules with their next times."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jobctl.clock import utc
from jobctl.durations import format_duration
from jobctl_cli import table
from jobctl_cli.moments import iso
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan, Registration, Schedule
    from jobctl_cli.environment import Environment


def shape(plan: Plan, now: datetime, times: int) -> dict[str, Any]:
    """Return the plan as plain data, with the next times of each schedule after a moment."""
    return {
        "fingerprint": plan.fingerprint,
        "scheduling": str(plan.scheduling),
        "queues": [{**_plain(queue), "share": round(queue.share, 4)} for queue in plan.queues],
        "registrations": [_registration(registration) for registration in plan.registrations],
        "schedules": [_schedule(plan, schedule, now, times) for schedule in plan.schedules],
        "hooks": _plain(plan.hooks),
    }


def _registration(registration: Registration) -> dict[str, Any]:
    found: dict[str, Any] = _plain(registration)
    found["payload"] = [
        {"name": field.name, "type": str(field.type), "required": field.required, "secret": field.secret}
        for field in registration.payload
    ]
    return found


def _schedule(plan: Plan, schedule: Schedule, now: datetime, times: int) -> dict[str, Any]:
    from jobctl.compiler import PayloadSchema
    from jobctl.scheduler.cron import next_times

    found: dict[str, Any] = _plain(schedule)
    found["payload"] = PayloadSchema(schedule.job, plan.by_type[schedule.type].payload).redact(schedule.payload)
    start_ms, end_ms = found.pop("start_ms"), found.pop("end_ms")
    after = max(now, utc((start_ms - 1) / 1000)) if start_ms else now
    moments = next_times(schedule.expression, schedule.timezone, after, times)
    return {
        **found,
        "start": iso(start_ms),
        "end": iso(end_ms),
        "next": [moment.isoformat() for moment in moments if not end_ms or moment.timestamp() * 1000 < end_ms],
    }


def _plain(value: Any) -> Any:
    """Return a part of the plan as mappings, lists, texts and numbers, under the names that the plan has for them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value


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
    return [schedule["id"], schedule["expression"], schedule["timezone"], ", ".join(shown) or "never"]


def _limit(seconds: float, boundless: str) -> str:
    if seconds == 0:
        return boundless
    return "no" if seconds < 0 else format_duration(seconds)
