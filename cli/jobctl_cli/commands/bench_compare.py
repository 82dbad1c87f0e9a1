"""`jobctl bench compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, reads, share

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl bench compare bench-report/before bench-report/after
    jobctl bench compare before/report.json after/report.json -o json
    jobctl bench compare before after --tolerance 10% || echo slower
"""
Report = Annotated[str, typer.Argument(metavar="REPORT", help="Folder of a report, or its report.json")]


def compare(
    ctx: typer.Context,
    *,
    before: Report,
    after: Report,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            metavar="PERCENT",
            help="Exit with 6 if a figure is worse by more, beyond noise",
            callback=reads(share),
        ),
    ] = None,
    output: Output = "table",
) -> None:
    """Compare two reports: what is better, what is worse, what is noise.

    Ratios are of geometric means, with a 95 % interval (Welch's t of the logarithms) over the repeats of each run;
    where the interval holds 1, the two cannot be told apart. Runs with one repeat are compared by ten windows of each.
    """
    from pathlib import Path

    from jobctl.bench.results import read_report
    from jobctl_cli.benching import missed_tolerance
    from jobctl_cli.exit_status import ExitStatus
    from jobctl_cli.screens import comparison as screen

    env: Environment = ctx.obj
    first, second = read_report(Path(before)), read_report(Path(after))
    found = screen.show(env, output, first, second)
    if missed_tolerance(env, found, tolerance):
        raise typer.Exit(ExitStatus.THRESHOLD_MISSED)
