"""Alerts, and what became of a try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobctl.alerts.wording import condition, shown
from jobctl.durations import format_duration
from jobctl.records import JobRecord, JobState
from jobctl_cli import table
from jobctl_cli.moments import clock, iso
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import gist

if TYPE_CHECKING:
    from jobctl.alerts.ledger import Told
    from jobctl.spec.model import Alert
    from jobctl_cli.environment import Environment


def show(env: Environment, output: str, alerts: Sequence[Alert], told: Mapping[str, Told]) -> None:
    """Write the alerts to stdout."""

    def render() -> str:
        if not alerts:
            return "no alerts are declared"
        columns = [Column("ALERT"), Column("WHEN", least=12), Column("TO", least=12), Column("EVERY", right=True)]
        columns += [Column("STATE"), Column("LAST TOLD")]
        rows: list[list[str | Cell]] = [
            [
                alert.name,
                condition(alert),
                ", ".join(map(shown, alert.to)),
                format_duration(alert.every_s),
                Cell("firing", "red") if _is_firing(told, alert) else "quiet",
                clock(at_ms) if (at_ms := _told_ms(told, alert)) else "-",
            ]
            for alert in alerts
        ]
        return table.render(columns, rows, env.out, table.screen_width(env), is_dense=True)

    data: list[dict[str, Any]] = [
        {
            "name": alert.name,
            "when": str(alert.when),
            "jobs": list(alert.jobs),
            "queues": list(alert.queues),
            "to": [shown(one) for one in alert.to],
            "every_s": alert.every_s,
            "firing": _is_firing(told, alert),
            "told_at": iso(_told_ms(told, alert)),
        }
        for alert in alerts
    ]
    emit(env, output, data, table=render, names=lambda: (alert.name for alert in alerts))


def show_deliveries(env: Environment, output: str, alert: Alert, jobs: Sequence[JobRecord]) -> None:
    """Write what became of each delivery to stdout."""

    def render() -> str:
        columns = [Column("TO", least=12), Column("STATE"), Column("KEY"), Column("ERROR", least=12)]
        rows: list[list[str | Cell]] = [
            [
                shown(destination),
                Cell("delivered", "green") if _is_delivered(job) else Cell(str(job.state), "red"),
                job.key,
                gist(job.error or "") if not _is_delivered(job) else "",
            ]
            for destination, job in zip(alert.to, jobs, strict=True)
        ]
        return table.render(columns, rows, env.out, table.screen_width(env), is_dense=True)

    data = [
        {
            "alert": alert.name,
            "to": shown(destination),
            "delivered": _is_delivered(job),
            "state": str(job.state),
            "key": job.key,
            "error": job.error if not _is_delivered(job) else None,
        }
        for destination, job in zip(alert.to, jobs, strict=True)
    ]
    emit(env, output, data, table=render, names=lambda: (job.key for job in jobs))
    if any(job.state is JobState.QUEUED for job in jobs):
        env.note("hint: no worker has taken it yet; `jobctl run` starts one that serves queue alerts")


def _is_delivered(job: JobRecord) -> bool:
    return job.state is JobState.COMPLETE


def _is_firing(told: Mapping[str, Told], alert: Alert) -> bool:
    return alert.name in told and told[alert.name].is_firing


def _told_ms(told: Mapping[str, Told], alert: Alert) -> int:
    return told[alert.name].told_ms if alert.name in told else 0
