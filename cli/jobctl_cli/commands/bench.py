"""`jobctl bench`: load tests with workers, and the comparison of two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.command import Command, Context, Group
from jobctl_cli.commands import bench_compare
from jobctl_cli.flags import Output, duration, one_of, reads, share, size, whole_number

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

DEFAULT = "standard"
SUMMARIES = {
    "standard": "Throughput and fairness of a backlog, then latency at a constant rate",
    "throughput": "How many jobs a second: a backlog is drained",
    "latency": "How long from intended send to start and done, at a constant rate",
    "fairness": "Share of each queue against its weight, window by window",
    "burst": "How deep the queues get and how long jobs wait, when thousands come at once",
    "mixed": "Jobs that wait, compute, run in threads and fail once, at a constant rate",
}
"""Each scenario of `jobctl.bench.scenario` and its summary: help must not load more than this."""


def examples(name: str) -> str:
    """Return the examples of a scenario's command."""
    more = {
        "standard": "jobctl bench --against saq --repeats 5",
        "throughput": "jobctl bench throughput --jobs 1000000 --processes 4",
        "latency": 'jobctl bench latency --rate 2000 --threshold "done.p95 < 20ms"',
        "fairness": 'jobctl bench fairness --threshold "fairness.max_deviation < 2%"',
        "burst": "jobctl bench burst --duration 60s",
        "mixed": "jobctl bench mixed --spec jobspecs/ --file jobs.ndjson",
    }
    return f"""
    jobctl bench {name}
    {more[name]}
    jobctl bench {name} --baseline bench-report/{name}-1 --tolerance 10%
"""


class BenchGroup(Group):
    """`jobctl bench`, which without a command means its standard scenario."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Parse the arguments that stand before the command's name."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


def group() -> typer.Typer:
    """Return the commands of load tests: one a scenario, and `compare`."""
    app = typer.Typer(
        cls=BenchGroup,
        rich_markup_mode=None,
        help=f"Load tests with workers included, one report each; `jobctl bench` alone is `{DEFAULT}`.",
    )
    for name, summary in SUMMARIES.items():
        app.command(name, cls=Command, help=f"{summary}.\n\n{MANNERS}", epilog=examples(name))(measure)
    app.command("compare", cls=Command, epilog=bench_compare.EXAMPLES)(bench_compare.compare)
    return app


MANNERS = """Generator and workers run in processes of their own. The broker is the configured one, in a key space of
the run's own and only if it holds no other jobs; without one, a private server over TCP that appends to disk. Writes a
report: one HTML page, the same as JSON, each plot as SVG and PNG. Ctrl-C ends it early with what there is."""


def measure(
    ctx: typer.Context,
    *,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Jobs of a backlog", callback=reads(whole_number(100)))
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option("--rate", metavar="N", help="Jobs that arrive in a second", callback=reads(whole_number(1))),
    ] = None,
    length: Annotated[
        float | None,
        typer.Option("--duration", metavar="DURATION", help="How long jobs arrive", callback=reads(duration)),
    ] = None,
    payload: Annotated[
        int | None,
        typer.Option("--payload", metavar="SIZE", help="Size of each payload, e.g. 10kB", callback=reads(size)),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency",
            metavar="N",
            help="Jobs each worker process runs at once",
            show_default="$JOBCTL_CONCURRENCY, or 10",
            callback=reads(whole_number(1)),
        ),
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", metavar="N", help="Worker processes", callback=reads(whole_number(1)))
    ] = 1,
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats", metavar="N", help="Measure so often: spread tells noise", callback=reads(whole_number(1))
        ),
    ] = 3,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="RIVAL", help="saq: stock SAQ on the same work", callback=reads(one_of("saq"))
        ),
    ] = None,
    spec: Annotated[
        str | None,
        typer.Option("--spec", metavar="PATH", help="Specs of your own jobs", show_default="the shipped jobs"),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE", help="With --spec: the jobs, in turn; as for `jobctl enqueue --file`"),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option("--threshold", metavar="LIMIT", help='Exit with 6 if missed: "done.p95 < 200ms", "lost == 0"'),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="REPORT", help="Compare with an earlier report")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            metavar="PERCENT",
            help="With --baseline: exit with 6 if a figure is worse by more, beyond noise",
            callback=reads(share),
        ),
    ] = None,
    junit: Annotated[str | None, typer.Option("--junit", metavar="FILE", help="Write thresholds as JUnit")] = None,
    report: Annotated[
        str | None,
        typer.Option("--report", metavar="FOLDER", help="Where to write the report", show_default="bench-report/..."),
    ] = None,
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Draw plots (extra `load`)")] = True,
    shared: Annotated[
        bool, typer.Option("--shared", help="Use the configured broker although it holds other jobs")
    ] = False,
    limit: Annotated[
        float, typer.Option("--limit", metavar="DURATION", help="Longest duration of a phase", callback=reads(duration))
    ] = 300.0,
    output: Output = "table",
) -> None:
    """Run one scenario: the command's name says which."""
    from jobctl_cli.benching import Asked, bench

    env: Environment = ctx.obj
    scenario: Any = ctx.info_name
    asked = Asked(
        scenario=scenario,
        jobs=jobs,
        rate_per_s=rate,
        duration_s=length,
        payload=payload,
        concurrency=concurrency,
        processes=processes,
        repeats=repeats,
        against=against,
        spec=spec,
        file=file,
        thresholds=tuple(threshold or ()),
        baseline=baseline,
        tolerance=tolerance,
        junit=junit,
        report=report,
        has_plots=plots,
        may_share=shared,
        limit_s=limit,
    )
    raise typer.Exit(bench(env, asked, output))
