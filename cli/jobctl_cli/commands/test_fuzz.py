"""`jobctl test fuzz`: a handler over payloads made from its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, SpecPath, reads, whole_number

if TYPE_CHECKING:
    from jobctl.testing.fuzz import Fuzzed
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl test fuzz tenant-init                 # 100 payloads
    jobctl test fuzz tenant-init --examples 1000 --seed 7
    jobctl test fuzz health-check --allow ConnectionError
"""


def fuzz(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job: its name or type")],
    *,
    examples: Annotated[
        int, typer.Option("--examples", metavar="N", callback=reads(whole_number(1)), help="Payloads to try")
    ] = 100,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", callback=reads(whole_number(0)), help="The same payloads each time"),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="EXCEPTION", help="An exception that is no bug, e.g. ConnectionError"),
    ] = None,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Run a job's handler over valid payloads, and show the plainest one that breaks it.

    The handler really runs, with the application's startup hook and whatever its environment leads to: use one for
    tests. What it enqueues goes to a broker started for it. An exception that is not `Dead`, `RetryAfter` or `Cancel`
    breaks it; so does a timeout. Exit code 1 when one is found.
    """
    from contextlib import closing

    from jobctl_cli.testing_extra import require_hypothesis, without_logs

    require_hypothesis()

    from jobctl.testing.fuzz import fuzz as run
    from jobctl.testing.harness import Harness, Options
    from jobctl.testing.jobs import BlockingJobs
    from jobctl_cli.screens import fuzz as screen
    from jobctl_cli.search_path import with_current_folder

    env: Environment = ctx.obj
    with_current_folder()
    paths = [spec or env.settings.spec]
    with without_logs(), closing(Harness(Options(spec=paths), is_blocking=True)) as harness:
        harness.plan.registration(job)
        jobs = harness.jobs
        assert isinstance(jobs, BlockingJobs)  # noqa: S101 - it was asked for
        found: Fuzzed = run(
            lambda payload: jobs.perform(job, payload, expect=None),
            job,
            spec=paths,
            examples=examples,
            start=seed,
            allowed=allow or (),
        )
    screen.show(env, output, found)
    raise typer.Exit(0 if found.finding is None else 1)
