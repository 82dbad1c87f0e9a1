"""Counts and times of jobs over days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobctl.durations import format_elapsed
from jobctl_cli import table
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector.stats import Stats, TypeStats, Window
    from jobctl.measure.latency import Histogram
    from jobctl_cli.environment import Environment

PERCENTS = (50, 95, 99)
NOW = (
    Column("QUEUE", least=8),
    *(Column(title, right=True) for title in ("STARTED/S", "DONE/S", "FAILED/S", "MEAN WAIT", "MEAN RUN")),
)
TIMES = (
    Column("QUEUE", least=6),
    Column("JOB", least=8),
    Column("DONE", right=True),
    Column("DEAD", right=True),
    Column("FAIL", right=True),
    Column("WAIT P50", right=True),
    *(Column(f"P{percent}", right=True) for percent in PERCENTS[1:]),
    Column("RUN P50", right=True),
    *(Column(f"P{percent}", right=True) for percent in PERCENTS[1:]),
)
WIDE_OUTCOMES = ("retry", "dead", "cancelled", "lost", "interrupted")
WIDE = (
    Column("QUEUE"),
    Column("JOB"),
    Column("DONE", right=True),
    *(Column(outcome.upper(), right=True) for outcome in WIDE_OUTCOMES),
    Column("FAIL", right=True),
    Column("DONE/MIN", right=True),
    *(
        Column(f"{kind} {figure}", right=True)
        for kind in ("WAIT", "RUN", "TOTAL")
        for figure in ("MEAN", *(f"P{percent}" for percent in PERCENTS), "MAX")
    ),
)


def show(env: Environment, output: str, plan: Plan | None, stats: Stats, queue: str | None) -> None:
    """Write the rates of the last minute, today, and the last days."""
    from jobctl.inspector.stats import sum_stats

    queues = [name for name in stats.now if queue in (None, name)]
    windows = (stats.today, stats.days) if stats.days.days > 1 else (stats.today,)

    def rows_of(window: Window) -> list[TypeStats]:
        """Return the rows to show: a queue's types, and their sum where there are several."""
        rows = []
        for name in queues:
            types = [row for row in window.rows if row.queue == name]
            rows += [*types, sum_stats(types, queue=name)] if len(types) > 1 else types
        return rows

    def render(*, wide: bool = False) -> str:
        width = table.screen_width(env)
        blocks = [env.out("bold", "last minute"), table.render(NOW, _now(stats, queues), env.out, width)]
        for window in windows:
            rows = rows_of(window)
            blocks += ["", env.out("bold", _title(window))]
            if not rows:
                blocks.append("no jobs")
            elif wide:
                shown = [_wide_row(plan, row, window) for row in rows]
                blocks.append(table.render(WIDE, shown, env.out, None))
            else:
                blocks.append(table.render(TIMES, [_row(plan, row) for row in rows], env.out, width, is_dense=True))
        return "\n".join(blocks)

    data = {
        "now": {name: _rates(stats, name) for name in queues},
        "windows": [
            {
                "from": window.first.isoformat(),
                "days": window.days,
                "elapsed_s": round(window.elapsed_s),
                "jobs": [_shape(plan, row, window.elapsed_s) for row in window.rows if row.queue in queues],
            }
            for window in windows
        ],
    }
    emit(
        env,
        output,
        data,
        table=render,
        names=lambda: (_name(plan, row) for row in rows_of(windows[-1]) if row.type),
        wide=lambda: render(wide=True),
    )


def _now(stats: Stats, queues: Sequence[str]) -> list[list[str | Cell]]:
    shown: list[list[str | Cell]] = []
    for name in queues:
        rates = stats.now[name]
        per_s = (rates.started_per_s, rates.complete_per_s, rates.failed_per_s)
        shown.append([name, *(f"{rate:,.1f}" for rate in per_s), _time(rates.wait_ms), _time(rates.run_ms)])
    return shown


def _title(window: Window) -> str:
    if window.days == 1:
        return f"today, {format_elapsed(window.elapsed_s)} of {window.first} (UTC)"
    return f"{window.days} days, since {window.first} (UTC)"


def _row(plan: Plan | None, row: TypeStats) -> list[str | Cell]:
    dead = row.counts.get("dead", 0)
    ratio = row.failure_ratio
    name = Cell(_name(plan, row)) if row.type else Cell("all", "dim")
    return [
        row.queue,
        name,
        _count(row.complete),
        Cell(_count(dead), "red" if dead else "dim"),
        "-" if ratio is None else f"{ratio:.1%}" if 0 < ratio < 0.1 else f"{ratio:.0%}",
        *(_time(row.wait.percentile(percent) if row.wait.count else None) for percent in PERCENTS),
        *(_time(row.run.percentile(percent) if row.run.count else None) for percent in PERCENTS),
    ]


def _wide_row(plan: Plan | None, row: TypeStats, window: Window) -> list[str | Cell]:
    counts = [row.counts.get(outcome, 0) for outcome in WIDE_OUTCOMES]
    ratio = row.failure_ratio
    return [
        row.queue,
        _name(plan, row) if row.type else Cell("all", "dim"),
        f"{row.complete:,}",
        *(f"{count:,}" for count in counts),
        "-" if ratio is None else f"{ratio:.2%}",
        f"{row.complete * 60 / window.elapsed_s:,.1f}",
        *(_time(figure) for histogram in (row.wait, row.run, row.total) for figure in _figures(histogram)),
    ]


def _figures(histogram: Histogram) -> list[float | None]:
    """Return mean, percentiles and longest, None where nothing was measured."""
    figures = [histogram.mean_ms, *(histogram.percentile(percent) for percent in PERCENTS), histogram.high_ms]
    return [figure if histogram.count else None for figure in figures]


def _name(plan: Plan | None, row: TypeStats) -> str:
    found = plan.by_type.get(row.type) if plan else None
    return found.name if found else row.type


def _count(number: int) -> str:
    """Return a count in at most six columns.

    Example:
        >>> _count(99_999), _count(1_234_567)
        ('99999', '1235k')
    """
    return (
        str(number) if number < 100_000 else f"{number / 1000:.0f}k" if number < 10_000_000 else f"{number / 1e6:.0f}M"
    )


def _time(time_ms: float | None) -> str:
    """Return a time in at most five columns; two digits are all that a reader compares."""
    if time_ms is None:
        return "-"
    seconds = time_ms / 1000
    return f"{seconds:.0f}s" if 10 <= seconds < 59.5 else format_elapsed(seconds if seconds < 10 else round(seconds))


def _rates(stats: Stats, name: str) -> dict[str, Any]:
    rates = stats.now[name]
    return {
        "started_per_s": round(rates.started_per_s, 3),
        "complete_per_s": round(rates.complete_per_s, 3),
        "failed_per_s": round(rates.failed_per_s, 3),
        "mean_wait_ms": None if rates.wait_ms is None else round(rates.wait_ms, 1),
        "mean_run_ms": None if rates.run_ms is None else round(rates.run_ms, 1),
    }


def _shape(plan: Plan | None, row: TypeStats, elapsed_s: float) -> dict[str, Any]:
    return {
        "queue": row.queue,
        "job": _name(plan, row),
        "type": row.type,
        "counts": dict(row.counts),
        "complete_per_s": round(row.complete / elapsed_s, 6),
        "failure_ratio": None if row.failure_ratio is None else round(row.failure_ratio, 6),
        "wait_ms": _percentiles(row.wait),
        "run_ms": _percentiles(row.run),
        "total_ms": _percentiles(row.total),
    }


def _percentiles(histogram: Histogram) -> dict[str, Any] | None:
    if not histogram.count:
        return None
    shown: dict[str, Any] = {f"p{percent}": round(histogram.percentile(percent), 2) for percent in PERCENTS}
    return {"count": histogram.count, "mean": round(histogram.mean_ms, 2), **shown, "max": round(histogram.high_ms, 2)}
