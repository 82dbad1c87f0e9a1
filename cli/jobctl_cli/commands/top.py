"""`jobctl top`: the operator's console, and its first frame for pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, SpecPath, duration, reads

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl top
    jobctl top --read-only                       # look, change nothing
    jobctl top --once                            # one frame, for pipes
    jobctl top --once -o json                    # all numbers of one moment
"""
SHORTEST_S = 0.2


def top(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end; so does a pipe")] = False,
    interval: Annotated[
        float, typer.Option("--interval", metavar="DURATION", help="Time between readings", callback=reads(duration))
    ] = 2.0,
    read_only: Annotated[bool, typer.Option("--read-only", help="Let nothing be changed from the console")] = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Watch and look after queues, jobs, workers, schedules, dead jobs and errors.

    Sparklines of rates and times, the configured against the achieved share of starts; a job with its whole history;
    pause, replay, cancel and delete, each confirmed. The keys stand at the bottom, `?` explains them, `/` filters, q
    leaves.

    A reading costs the broker 7 commands, 13 a queue and 1 a schedule; the tabs Jobs and Dead 2 and 14 a queue besides,
    Schedules 6 and 4 a schedule: whatever the backlog.
    """
    from jobctl_cli import session

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    if once or output != "table" or not env.is_screen or env.variables.get("TERM") == "dumb":
        from jobctl_cli.screens import top as screen

        overview = session.inspecting(env, plan, lambda inspector: inspector.overview())
        screen.show(env, output, plan, overview)
        return
    from jobctl_cli.top.start import run

    interval_s = max(interval, SHORTEST_S)
    session.inspecting(
        env,
        plan,
        lambda inspector: run(
            env, plan, inspector, interval_s=interval_s, read_only=read_only, where=env.config.context or ""
        ),
    )
