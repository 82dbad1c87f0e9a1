"""Schedules, their times, and what became of their ticks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jobctl.clock import utc
from jobctl.durations import format_elapsed
from jobctl_cli import table
from jobctl_cli.errors import paint
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.moments import iso
from jobctl_cli.output import emit
from jobctl_cli.palette import OUTCOMES
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import plural

if TYPE_CHECKING:
    from jobctl.compiler.plan import Schedule
    from jobctl.inspector import ScheduleRun, ScheduleStatus
    from jobctl.scheduler.backfill import Filled
    from jobctl_cli.environment import Environment

STATES = {"active": "green", "paused": "yellow", "unseen": "yellow", "new": "blue"}
COLUMNS = (
    *(Column("SCHEDULE", least=10), Column("CRON", least=9), Column("TIMEZONE", least=6), Column("STATE")),
    *(Column("NEXT"), Column("LAST"), Column("OUTCOME"), Column("DRIFT", right=True)),
)
NARROW = 110  # columns of a screen on which these do not fit; it has no zones, and times as short as they can be read
SHORT_COLUMNS = tuple(column for column in COLUMNS if column.title != "TIMEZONE")
REASONS = {
    "claimed": "another call has this tick",
    "skipped": "the earlier run has not ended; `--force` runs it all the same",
    "done": "it has run; `--force` runs it once more",
    "waiting": "it runs once the earlier run has ended",
    "future": "its time has not come",
    "locked": "a job of the same key or unique lock has not ended",
}


def show_list(env: Environment, output: str, statuses: Sequence[ScheduleStatus]) -> None:
    """Write schedules to stdout."""

    def render() -> str:
        if not statuses:
            return env.out("dim", "no schedules: a job with `cron` in its spec has one")
        width = None if output == "wide" else table.screen_width(env)
        if width is None or width >= NARROW:
            return table.render(COLUMNS, [row(one) for one in statuses], env.out, width, is_dense=True)
        now = utc(env.clock.time())
        return table.render(SHORT_COLUMNS, [_short_row(one, now) for one in statuses], env.out, width, is_dense=True)

    emit(env, output, [_status(one) for one in statuses], table=render, names=lambda: (o.schedule.id for o in statuses))
    for one in statuses:
        if one.overdue_ms:
            late = format_elapsed(one.overdue_ms / 1000)
            text = f"warning[schedule.overdue]: `{one.schedule.id}` should have run {late} ago"
            env.note(paint(f"{text}; no scheduler has claimed the tick", env.err))


def show_times(env: Environment, output: str, schedule: Schedule, times: Sequence[datetime]) -> None:
    """Write the times of a schedule, in its zone and in UTC."""
    from jobctl.scheduler.cron import clock_note

    notes = [clock_note(schedule.expression, time) for time in times]
    data = [
        {"schedule": schedule.id, "time": time.isoformat(), "utc": iso(time.timestamp() * 1000), "note": note or None}
        for time, note in zip(times, notes, strict=True)
    ]

    def render() -> str:
        if not times:
            return env.out("dim", "no ticks")
        columns = [Column(f"IN {schedule.timezone.upper()}"), Column("AS UTC"), Column("NOTE", least=10)]
        rows: list[list[str | Cell]] = [
            [f"{time:%a %Y-%m-%d %H:%M:%S %z}", str(one["utc"])[:19] + "Z", Cell(str(one["note"] or ""), "yellow")]
            for time, one in zip(times, data, strict=True)
        ]
        return table.render(columns, rows, env.out, table.screen_width(env))

    emit(env, output, data, table=render, names=lambda: (time.isoformat() for time in times))


def show_history(env: Environment, output: str, runs: Sequence[ScheduleRun]) -> None:
    """Write the latest ticks of a schedule."""
    emit(
        env,
        output,
        [_run(run) for run in runs],
        table=lambda: history_text(env, runs, table.screen_width(env)),
        names=lambda: (run.key for run in runs if run.has_job),
    )


def history_text(env: Environment, runs: Sequence[ScheduleRun], width: int | None) -> str:
    """Return the latest ticks of a schedule as lines for people."""
    if not runs:
        return env.out("dim", "no ticks yet")
    columns = [
        *(Column("TICK"), Column("HOW"), Column("OUTCOME"), Column("DRIFT", right=True)),
        *(Column("TOOK", right=True), Column("KEY", least=12), Column("ERROR", least=10)),
    ]
    rows: list[list[str | Cell]] = [
        [
            str(iso(run.tick_ms))[:19] + "Z",
            run.how if run.count == 1 else f"{run.how} for {run.count}",
            _outcome(run),
            _drift(run),
            format_elapsed((run.ended_ms - run.started_ms) / 1000) if run.ended_ms and run.started_ms else "-",
            run.key if run.has_job else "-",
            run.error or "",
        ]
        for run in runs
    ]
    return table.render(columns, rows, env.out, width, is_dense=True)


def show_filled(env: Environment, output: str, filled: Sequence[Filled]) -> int:
    """Write the jobs of runs that were asked for; return the exit code."""
    done = [one for one in filled if one.answer == "stored"]
    data = [
        {"schedule": one.schedule, "tick": iso(one.tick.timestamp() * 1000), "key": one.key, "answer": str(one.answer)}
        for one in filled
    ]

    def render() -> str:
        if not done:
            return ""
        rows = [[str(iso(one.tick.timestamp() * 1000)), one.key] for one in done]
        return table.render([Column("TICK"), Column("KEY")], rows, env.out, table.screen_width(env))

    emit(env, output, data, table=render, names=lambda: (one.key for one in done))
    refused = [one for one in filled if one.answer != "stored"]
    for answer in dict.fromkeys(str(one.answer) for one in refused):
        count = sum(1 for one in refused if one.answer == answer)
        text = f"warning[schedule.{answer}]: {plural(count, 'tick')} left out: {REASONS.get(answer, answer)}"
        env.note(paint(text, env.err))
    is_harmless = all(one.answer in ("done", "waiting") for one in refused)
    return ExitStatus.OK if is_harmless else ExitStatus.FAILED


def row(one: ScheduleStatus) -> list[str | Cell]:
    """Return the cells of a schedule."""
    next_time, last_time = (f"{time:%Y-%m-%d %H:%M:%S}" if time else "-" for time in _times(one))
    state = f"{one.state}, {one.waiting} waiting" if one.waiting else one.state
    schedule = one.schedule
    return [
        schedule.id,
        schedule.expression,
        schedule.timezone,
        _state(one, state),
        next_time,
        last_time,
        *_ending(one),
    ]


def _short_row(one: ScheduleStatus, now: datetime) -> list[str | Cell]:
    next_time, last_time = (_short(time, now) if time else "-" for time in _times(one))
    is_running = one.waiting and one.state == "active"
    state = _state(one, f"{one.waiting} waiting" if is_running else one.state)
    return [one.schedule.id, one.schedule.expression, state, next_time, last_time, *_ending(one)]


def _times(one: ScheduleStatus) -> tuple[datetime | None, datetime | None]:
    """Return the next and the last tick, in the schedule's zone."""
    zone = ZoneInfo(one.schedule.timezone)
    last = datetime.fromtimestamp(one.last.tick_ms / 1000, zone) if one.last else None
    return one.next if one.state != "paused" else None, last


def _short(time: datetime, now: datetime) -> str:
    today = now.astimezone(time.tzinfo)
    if time.date() == today.date():
        return f"{time:%H:%M:%S}"
    return f"{time:%b %d %H:%M}" if time.year == today.year else f"{time:%Y-%m-%d}"


def _state(one: ScheduleStatus, state: str) -> Cell:
    return Cell("overdue", "bold red") if one.overdue_ms else Cell(state, STATES.get(one.state, "dim"))


def _ending(one: ScheduleStatus) -> tuple[str | Cell, str]:
    return (_outcome(one.last), _drift(one.last)) if one.last else ("-", "-")


def _outcome(run: ScheduleRun) -> Cell:
    if not run.has_job:
        return Cell(run.how, "yellow")
    name = run.outcome or "unfinished"
    return Cell(name, OUTCOMES.get(name, "cyan" if run.outcome is None else "dim"))


def _drift(run: ScheduleRun) -> str:
    return "-" if run.how in ("hand", "backfill") else format_elapsed(max(run.drift_ms, 0) / 1000)


def _status(one: ScheduleStatus) -> dict[str, Any]:
    schedule = one.schedule
    return {
        "id": schedule.id,
        "job": schedule.job,
        "queue": schedule.queue,
        "cron": schedule.expression,
        "timezone": schedule.timezone,
        "catch_up": str(schedule.catch_up),
        "overlap": str(schedule.overlap),
        "jitter_s": schedule.jitter_s,
        "state": one.state,
        "next": one.next.isoformat() if one.next else None,
        "overdue_ms": one.overdue_ms,
        "waiting": one.waiting,
        "seen_at": iso(one.seen_ms),
        "paused_at": iso(one.paused_ms),
        "last": _run(one.last) if one.last else None,
    }


def _run(run: ScheduleRun) -> dict[str, Any]:
    return {
        "tick": iso(run.tick_ms),
        "claimed_at": iso(run.at_ms),
        "drift_ms": run.drift_ms,
        "how": run.how,
        "count": run.count,
        "key": run.key if run.has_job else None,
        "outcome": run.outcome,
        "started_at": iso(run.started_ms),
        "ended_at": iso(run.ended_ms),
        "error": run.error,
    }
