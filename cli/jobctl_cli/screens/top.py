"""Queues, workers and recent failures in one frame that fits the terminal; 80 x 24 is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobctl.durations import format_elapsed
from jobctl.records import JobState
from jobctl_cli import table
from jobctl_cli.moments import ago, iso
from jobctl_cli.output import emit
from jobctl_cli.palette import OUTCOMES, STATES
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import clip, plural

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector import FailureLine, Overview, QueueStatus, Rates, WorkerStatus
    from jobctl_cli.environment import Environment

WIDE_COLUMNS = 100  # from here on there is room for times and failure rates
PIPE_COLUMNS = 120
FRAME_LINES = 9  # headings, rules between the parts, the line at the top
LEAST_ROWS = 2  # of each part, however low the terminal
QUEUE_COLUMNS = (
    Column("QUEUE", least=6),
    Column("QUEUED", right=True),
    Column("ACTIVE", right=True),
    Column("RETRY", right=True),
    Column("LATER", right=True),
    Column("DEAD", right=True),
    Column("WEIGHT", right=True),
    Column("SHARE", right=True),
    Column("GOT", right=True),
    Column("JOBS/S", right=True),
    Column("OLDEST", right=True),
)
WIDE_QUEUE_COLUMNS = (Column("FAILS/S", right=True), Column("WAIT", right=True), Column("RUN", right=True))
WORKER_COLUMNS = (
    Column("WORKER", least=12),
    Column("UP", right=True),
    Column("BUSY", right=True),
    Column("STARTED", right=True),
    Column("STATE"),
    Column("LONGEST RUNNING", least=16),
)
FAILURE_COLUMNS = (
    Column("FAILED AT"),
    Column("KEY", least=10),
    Column("JOB", least=8),
    Column("TRY", right=True),
    Column("THEN"),
    Column("ERROR", least=16),
)


def shape(plan: Plan | None, overview: Overview) -> dict[str, Any]:
    """Return the overview as plain data."""
    return {
        "at": iso(overview.at_ms),
        "queues": [_queue(queue, overview.rates.get(queue.name)) for queue in overview.queues],
        "workers": [_worker(worker) for worker in overview.workers],
        "failures": [
            {"job": job_name(plan, failure.type), **asdict(failure), "at": iso(failure.at_ms)}
            for failure in overview.failures
        ],
        "overdue": list(overview.overdue),
    }


def show(env: Environment, output: str, plan: Plan | None, overview: Overview) -> None:
    """Write one frame in the form asked for."""
    columns, lines = env.size if env.is_screen else (PIPE_COLUMNS, 1000)
    emit(
        env,
        output,
        shape(plan, overview),
        table=lambda: frame(env, plan, overview, columns, lines),
        names=lambda: (queue.name for queue in overview.queues),
    )


def frame(env: Environment, plan: Plan | None, overview: Overview, columns: int, lines: int) -> str:
    """Return the frame as lines, at most so many of so many columns."""
    parts = (len(overview.queues), max(len(overview.workers), 1), max(len(overview.failures), 1))
    queues, workers, failures = divide(parts, max(lines - FRAME_LINES, 3 * LEAST_ROWS))
    return "\n\n".join(
        [
            _headline(env, overview, columns) + _overdue(env, overview, columns),
            _queues(env, overview, columns, queues),
            _workers(env, plan, overview, columns, workers),
            _failures(env, plan, overview, columns, failures),
        ]
    )


def divide(wanted: Sequence[int], room: int) -> list[int]:
    """Divide rows between parts: each what it wants as long as there is room, the smallest wish first.

    Example:
        >>> divide([3, 2, 10], room=12)
        [3, 2, 7]
    """
    given = [0] * len(wanted)
    by_wish = sorted(range(len(wanted)), key=lambda n: wanted[n])
    for place, n in enumerate(by_wish):
        given[n] = min(wanted[n], room // (len(wanted) - place))
        room -= given[n]
    return given


def job_name(plan: Plan | None, type: str) -> str:
    """Return the name of the job of a type; the type where no spec declares it."""
    found = plan.by_type.get(type) if plan else None
    return found.name if found else type


def compact(count: float) -> str:
    """Write a number in at most five characters.

    Example:
        >>> compact(999), compact(12_345), compact(3_400_000), compact(0.25)
        ('999', '12.3k', '3.4M', '0.25')
    """
    for limit, unit, by in ((1e3, "", 1.0), (1e6, "k", 1e3), (float("inf"), "M", 1e6)):
        if count < limit:
            number = count / by
            if number == int(number):
                return f"{number:.0f}{unit}"
            return f"{number:.{2 if number < 10 and not unit else 1}f}{unit}"
    raise AssertionError("unreachable: every number is below infinity")


def summary(overview: Overview) -> str:
    """Return the first line: the time, and what all workers do."""
    busy = sum(worker.active for worker in overview.workers)
    slots = sum(worker.concurrency for worker in overview.workers)
    rate = sum(rates.started_per_s for rates in overview.rates.values())
    at = datetime.fromtimestamp(overview.at_ms / 1000).astimezone()
    text = f"{at:%H:%M:%S}  {plural(len(overview.workers), 'worker')}, {busy} of {plural(slots, 'slot')} busy, "
    return text + f"{compact(rate)} jobs/s in a minute"


def _headline(env: Environment, overview: Overview, columns: int) -> str:
    return env.out("bold", "jobctl top") + "  " + clip(summary(overview), columns - len("jobctl top  "))


def _overdue(env: Environment, overview: Overview, columns: int) -> str:
    """Return a line about schedules that should have run, or nothing."""
    if not overview.overdue:
        return ""
    return "\n" + env.out("bold red", clip(f"overdue: {', '.join(overview.overdue)}", columns))


def _queues(env: Environment, overview: Overview, columns: int, limit: int) -> str:
    is_wide = columns >= WIDE_COLUMNS
    headings = QUEUE_COLUMNS + (WIDE_QUEUE_COLUMNS if is_wide else ())
    rows = [queue_row(queue, overview.rates.get(queue.name), is_wide) for queue in overview.queues]
    return _part(env, headings, rows, columns, limit, empty="no queues yet: `jobctl enqueue` makes them")


def queue_row(queue: QueueStatus, rates: Rates | None, is_wide: bool) -> list[str | Cell]:
    """Return the cells of a queue: depth by state, configured and achieved share, rates of the last minute."""

    def depth(state: JobState) -> Cell:
        count = queue.counts[state]
        return Cell(compact(count), STATES[state] if count else "dim")

    started = rates is not None and rates.started > 0
    row: list[str | Cell] = [
        Cell(f"{queue.name} (paused)", "yellow") if queue.paused else queue.name,
        depth(JobState.QUEUED),
        depth(JobState.ACTIVE),
        depth(JobState.RETRYING),
        depth(JobState.SCHEDULED),
        depth(JobState.DEAD),
        str(queue.weight) if queue.weight else "-",
        f"{queue.share:.0%}" if queue.weight else "-",
        f"{rates.share:.0%}" if rates and started else "-",
        compact(rates.started_per_s) if rates else "-",
        _time(queue.oldest_wait_ms),
    ]
    if is_wide:
        fails = rates.failed_per_s if rates else 0.0
        row += [Cell(compact(fails), "red" if fails else "dim"), _time(rates.wait_ms if rates else None)]
        row.append(_time(rates.run_ms if rates else None))
    return row


def _workers(env: Environment, plan: Plan | None, overview: Overview, columns: int, limit: int) -> str:
    rows = [worker_row(plan, worker, overview.at_ms) for worker in overview.workers]
    return _part(env, WORKER_COLUMNS, rows, columns, limit, empty="no worker runs: `jobctl run` starts one")


def worker_row(plan: Plan | None, worker: WorkerStatus, now_ms: int) -> list[str | Cell]:
    """Return the cells of a worker: what it does, and the slots that threads past their timeout keep from it."""
    longest = max(worker.running, key=lambda run: run.ran_ms, default=None)
    runs = ""
    if longest is not None:
        progress = f" {longest.progress:.0%}" if longest.progress else ""
        held = held_slots(worker)
        late = f", {plural(held, 'slot')} held past timeout" if held else ""
        runs = f"{job_name(plan, longest.type)} {format_elapsed(longest.ran_ms / 1000)}{progress}{late}"
    return [
        f"{worker.host}:{worker.pid}",
        ago(worker.started_ms, now_ms),
        f"{worker.active}/{worker.concurrency}",
        compact(sum(worker.starts.values())),
        Cell(worker.state, "green" if worker.state == "running" else "yellow"),
        runs,
    ]


def held_slots(worker: WorkerStatus) -> int:
    """Return how many slots are held by runs past their timeout: threads, which cannot be stopped."""
    return sum(run.overdue for run in worker.running)


def _failures(env: Environment, plan: Plan | None, overview: Overview, columns: int, limit: int) -> str:
    rows: list[list[str | Cell]] = [_failure_row(plan, failure) for failure in overview.failures]
    return _part(env, FAILURE_COLUMNS, rows, columns, limit, empty="no failures", is_cut=True)


def _failure_row(plan: Plan | None, failure: FailureLine) -> list[str | Cell]:
    at = datetime.fromtimestamp(failure.at_ms / 1000).astimezone()
    return [
        f"{at:%H:%M:%S}",
        failure.key,
        job_name(plan, failure.type),
        f"{failure.attempt}/{failure.max_attempts}" if failure.attempt else "-",
        Cell(failure.outcome, OUTCOMES.get(failure.outcome, "")),
        failure.error,
    ]


def _part(
    env: Environment,
    columns: Sequence[Column],
    rows: list[list[str | Cell]],
    width: int,
    limit: int,
    *,
    empty: str,
    is_cut: bool = False,
) -> str:
    """Return one table of at most so many rows; the last of them says what was left out, unless it does not matter."""
    left = len(rows) - limit
    more = ""
    if left > 0:
        rows = rows[: limit if is_cut else limit - 1]
        more = "" if is_cut else "\n" + env.out("dim", f"... and {left + 1} more")
    if not rows:
        return env.out("bold", columns[0].title) + "\n" + env.out("dim", empty)
    return table.render(columns, rows, env.out, width, is_dense=True) + more


def _time(ms: float | None) -> str:
    return "-" if ms is None else format_elapsed(ms / 1000)


def _queue(queue: QueueStatus, rates: Rates | None) -> dict[str, Any]:
    return {
        "name": queue.name,
        "weight": queue.weight,
        "share": round(queue.share, 4),
        "paused": queue.paused,
        "counts": {str(state): count for state, count in queue.counts.items()},
        "replayed": queue.replayed,
        "poison": queue.poison,
        "oldest_wait_ms": queue.oldest_wait_ms,
        "rates": asdict(rates) if rates else None,
    }


def _worker(worker: WorkerStatus) -> dict[str, Any]:
    return {**asdict(worker), "started_at": iso(worker.started_ms), "seen_at": iso(worker.seen_ms)}
