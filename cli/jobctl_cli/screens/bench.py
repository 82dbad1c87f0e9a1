"""What a load test found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from jobctl_cli import table
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column

if TYPE_CHECKING:
    from jobctl.bench.results import Report
    from jobctl.measure.thresholds import Verdict
    from jobctl_cli.environment import Environment


def show(env: Environment, output: str, report: Report, verdicts: Sequence[Verdict], files: Sequence[Path]) -> None:
    """Write the figures and verdicts to stdout."""
    from jobctl.bench.summary import measured_names, values_of

    names = measured_names(report)
    data: dict[str, Any] = {
        "scenario": report.scenario.name,
        "stopped": report.stopped or None,
        "figures": {side.name: {name: values_of(side, name) for name in names} for side in report.sides},
        "thresholds": [verdict.to_json() for verdict in verdicts],
        "warnings": report.warnings,
        "report": str(files[0]) if files else None,
    }
    emit(
        env,
        output,
        data,
        table=lambda: render(env, report, verdicts),
        names=lambda: (str(path) for path in files),
    )


def render(env: Environment, report: Report, verdicts: Sequence[Verdict]) -> str:
    """Return figures and verdicts as tables."""
    shown = _figures(env, report)
    if not verdicts:
        return shown
    rows: list[list[str | Cell]] = [
        [
            verdict.threshold.text,
            verdict.measured,
            Cell("kept", "green") if verdict.is_kept else Cell("missed", "bold red"),
        ]
        for verdict in verdicts
    ]
    columns = [Column("THRESHOLD", least=12), Column("MEASURED", right=True), Column("")]
    return f"{shown}\n\n{table.render(columns, rows, env.out, table.screen_width(env))}"


def _figures(env: Environment, report: Report) -> str:
    from jobctl.bench.summary import measured_names, unit_of, values_of

    two = len(report.sides) == 2
    columns = [Column("FIGURE")]
    for side in report.sides:
        columns += [Column(side.name.upper(), right=True), Column("LOW - HIGH", right=True, least=10)]
    if two:
        columns.append(Column("RATIO", right=True))
    rows: list[list[str | Cell]] = []
    for name in measured_names(report):
        row: list[str | Cell] = [name]
        middles = []
        write = unit_of(name).write
        for side in report.sides:
            values = values_of(side, name)
            if not values:
                row += ["-", ""]
                continue
            middles.append(median(values))
            low, high = write(min(values)), write(max(values))
            row += [Cell(write(middles[-1]), "bold"), Cell("" if low == high else f"{low} - {high}", "dim")]
        if two:
            row.append(f"{middles[0] / middles[1]:.2f}" if len(middles) == 2 and middles[1] else "-")
        rows.append(row)
    return table.render(columns, rows, env.out, table.screen_width(env), is_dense=True)
