"""`jobctl cron`: schedules: when they run, what became of it, and runs by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.flags import Output, SpecPath, reads, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jobctl.inspector import Inspector, ScheduleStatus
    from jobctl.scheduler.backfill import Filled
    from jobctl_cli.environment import Environment

LIST_EXAMPLES = """
    jobctl cron list                             # next and last run of each schedule
    jobctl cron list -o json
"""
NEXT_EXAMPLES = """
    jobctl cron next daily-cleanup
    jobctl cron next daily-cleanup --from 2026-03-28 --count 3
"""
HISTORY_EXAMPLES = """
    jobctl cron history daily-cleanup
"""
RUN_EXAMPLES = """
    jobctl cron run daily-cleanup
"""
PAUSE_EXAMPLES = """
    jobctl cron pause daily-cleanup
"""
RESUME_EXAMPLES = """
    jobctl cron resume daily-cleanup
"""
BACKFILL_EXAMPLES = """
    jobctl cron backfill daily-cleanup --from 2026-01-01 --to 2026-01-08 --dry-run
"""
FORGET_EXAMPLES = """
    jobctl cron forget old-report                # gone from the specs and from all workers
"""

Id = Annotated[str, typer.Argument(metavar="ID", help="The schedule: its job's name, or JOB/LABEL")]
Force = Annotated[bool, typer.Option("--force", help="Also where the earlier run has not ended")]
Time = "the schedule's own zone where it has no offset"


def group() -> typer.Typer:
    """Return the commands about schedules."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="Schedules: see them, pause them, run them by hand.")
    app.command("list", cls=Command, epilog=LIST_EXAMPLES)(list_)
    app.command("next", cls=Command, epilog=NEXT_EXAMPLES)(next_)
    app.command("history", cls=Command, epilog=HISTORY_EXAMPLES)(history)
    app.command("run", cls=Command, epilog=RUN_EXAMPLES)(run)
    app.command("pause", cls=Command, epilog=PAUSE_EXAMPLES)(pause)
    app.command("resume", cls=Command, epilog=RESUME_EXAMPLES)(resume)
    app.command("backfill", cls=Command, epilog=BACKFILL_EXAMPLES)(backfill)
    app.command("forget", cls=Command, epilog=FORGET_EXAMPLES)(forget)
    return app


def _wall_time(text: str) -> datetime:
    from datetime import datetime

    from jobctl.spec.moment import FIRST_YEAR, LAST_YEAR

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is not a time; write e.g. `2026-01-31` or `2026-01-31T09:00`") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"`{text}` is out of reach; the years {FIRST_YEAR} to {LAST_YEAR} are good")
    return moment


def list_(ctx: typer.Context, *, spec: SpecPath = None, output: Output = "table") -> None:
    """List the schedules: next and last tick, what became of it, what is overdue.

    Those of the specs come first, then what else the broker knows: orphans, whose workers are gone, and those removed
    from the specs, which are kept with their history for 90 days.
    """
    from jobctl_cli import session
    from jobctl_cli.screens import cron as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    screen.show_list(env, output, session.inspecting(env, plan, lambda inspector: inspector.schedules.statuses()))


def next_(
    ctx: typer.Context,
    schedule: Id,
    *,
    count: Annotated[int, typer.Option("--count", metavar="N", callback=reads(whole_number(1)), help="How many")] = 10,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", callback=reads(_wall_time), help=f"From this time on; in {Time}"),
    ] = None,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Show the next times of a schedule. Reckoned from the specs alone, without a broker."""
    from itertools import islice

    from jobctl.clock import utc
    from jobctl.inspector.schedules import planned_schedule
    from jobctl.scheduler.ticks import ticks_after
    from jobctl_cli import session
    from jobctl_cli.screens import cron as screen

    env: Environment = ctx.obj
    planned = planned_schedule(session.load_plan(env, spec), schedule)
    after = utc(env.clock.time()) if start is None else utc(_in_zone(start, planned.timezone).timestamp() - 0.001)
    screen.show_times(env, output, planned, list(islice(ticks_after(planned, after), count)))


def history(
    ctx: typer.Context,
    schedule: Id,
    *,
    limit: Annotated[int, typer.Option("--limit", metavar="N", callback=reads(whole_number(1)), help="At most")] = 20,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Show the latest ticks of a schedule and what became of them. Up to 500 are kept, through restarts."""
    from jobctl_cli import session
    from jobctl_cli.screens import cron as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    runs = session.inspecting(env, plan, lambda inspector: inspector.schedules.history(schedule, limit=limit))
    screen.show_history(env, output, runs)


def run(
    ctx: typer.Context, schedule: Id, *, force: Force = False, spec: SpecPath = None, output: Output = "table"
) -> None:
    """Run a schedule's job now, paused or not. Its ticks come as ever."""
    from jobctl_cli import session
    from jobctl_cli.screens import cron as screen

    env: Environment = ctx.obj
    plan = session.load_plan(env, spec)
    done: Filled = session.inspecting(env, plan, lambda inspector: inspector.schedules.run(schedule, force=force))
    raise typer.Exit(screen.show_filled(env, output, [done]))


def pause(ctx: typer.Context, schedule: Id, *, spec: SpecPath = None, output: Output = "table") -> None:
    """Let a schedule's ticks make no jobs. It holds through restarts and deploys until it is resumed."""
    _change(ctx, schedule, spec, output, is_pause=True)


def resume(ctx: typer.Context, schedule: Id, *, spec: SpecPath = None, output: Output = "table") -> None:
    """Let a schedule's ticks make jobs again, from now on; those of the pause are not made up for."""
    _change(ctx, schedule, spec, output, is_pause=False)


def forget(ctx: typer.Context, schedule: Id, *, spec: SpecPath = None, output: Output = "table") -> None:
    """Drop a schedule that is in no spec any more, with its history. It would go by itself after 90 days."""
    from jobctl_cli import session
    from jobctl_cli.screens import cron as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    status = session.inspecting(env, plan, lambda inspector: inspector.schedules.forget(schedule))
    screen.show_list(env, output, [status])
    env.note(f"note: schedule `{schedule}` is forgotten")


def backfill(
    ctx: typer.Context,
    schedule: Id,
    *,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", callback=reads(_wall_time), help=f"First tick; in {Time}")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="TIME", callback=reads(_wall_time), help="Ticks before this time; now, if not given"
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, show the ticks of the range")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also ticks that have run")] = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Run the ticks of a time that has passed, each that has not run; an interrupted call may be made again."""
    from jobctl.clock import utc
    from jobctl.errors import UsageError
    from jobctl.inspector.schedules import planned_schedule
    from jobctl.scheduler.backfill import ticks_between
    from jobctl_cli import session
    from jobctl_cli.progress import Progress
    from jobctl_cli.screens import cron as screen
    from jobctl_cli.text import plural

    env: Environment = ctx.obj
    if start is None:
        raise UsageError("`jobctl cron backfill` needs `--from`", code="usage.missing", hint="e.g. `--from 2026-01-01`")
    plan = session.load_plan(env, spec)
    planned = planned_schedule(plan, schedule)
    now = utc(env.clock.time())
    first, until = _in_zone(start, planned.timezone), now if end is None else _in_zone(end, planned.timezone)
    if first >= now:
        raise UsageError("`--from` has not come yet", hint=f"`jobctl cron next {schedule}` shows the ticks to come")
    if until > now:
        env.note("note: `--to` has not come yet; ticks after now are left out, they come by themselves")
    ticks = ticks_between(planned, first, min(until, now))
    if dry_run:
        screen.show_times(env, output, planned, ticks)
        env.note(f"note: a dry run; {plural(len(ticks), 'tick')} lie in the range")
        return
    progress = Progress(env, "done", len(ticks))

    async def fill(inspector: Inspector) -> Sequence[Filled]:
        try:
            return await inspector.schedules.backfill(schedule, ticks, force=force, tell=progress.show)
        finally:
            progress.clear()

    done = session.inspecting(env, plan, fill)
    raise typer.Exit(screen.show_filled(env, output, done))


def _in_zone(moment: Any, timezone: str) -> datetime:
    """Return an aware time; one without an offset is in the schedule's zone."""
    from zoneinfo import ZoneInfo

    aware: datetime = moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(timezone))
    return aware


def _change(ctx: typer.Context, schedule: str, spec: str | None, output: str, *, is_pause: bool) -> None:
    from jobctl_cli import session
    from jobctl_cli.screens import cron as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)

    async def change(inspector: Inspector) -> ScheduleStatus:
        schedules = inspector.schedules
        if not await (schedules.pause(schedule) if is_pause else schedules.resume(schedule)):
            env.note(f"note: schedule `{schedule}` was {'paused already' if is_pause else 'not paused'}")
        return await schedules.find(schedule)

    screen.show_list(env, output, [session.inspecting(env, plan, change)])
