"""`jobctl top`: queues, workers and failures, live."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, SpecPath, duration, reads

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl top
    jobctl top --once                            # one frame, for pipes
    jobctl top --once -o json                    # all numbers of one moment
"""
SHORTEST_S = 0.2


def top(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Print one frame and end; so does a pipe")] = False,
    interval: Annotated[
        float, typer.Option("--interval", metavar="DURATION", help="Time between frames", callback=reads(duration))
    ] = 2.0,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Watch queues, workers and recent failures.

    Depth by state, the configured against the achieved share of starts, rates and waits over the last minute. Leave
    with q or Ctrl-C.
    """
    from jobctl_cli import session
    from jobctl_cli.screens import top as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    if once or output != "table" or not env.is_screen:
        overview = session.inspecting(env, plan, lambda inspector: inspector.overview())
        screen.show(env, output, plan, overview)
        return
    from jobctl_cli.live import watch

    with contextlib.suppress(KeyboardInterrupt):  # the usual way to leave
        session.inspecting(env, plan, lambda inspector: watch(env, plan, inspector, max(interval, SHORTEST_S)))
