"""`jobctl stats`: rates, failures and times of today and of the last days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.flags import Output, SpecPath, reads, whole_number

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl stats
    jobctl stats --days 30 --queue critical
    jobctl stats -o wide                         # all outcomes, rates, means, longest
    jobctl stats -o json
"""


def stats(
    ctx: typer.Context,
    *,
    queue: Annotated[str | None, typer.Option("--queue", "-q", metavar="NAME", help="Only this queue")] = None,
    days: Annotated[
        int,
        typer.Option("--days", metavar="N", callback=reads(whole_number(1)), help="Days, today included; 90 are kept"),
    ] = 14,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Show how many jobs ended and how, how long they waited and ran: today, and over the last days.

    Days are in UTC. FAIL counts failed attempts among those that succeeded or failed. P50, P95 and P99 are the times
    that half, 95 and 99 of 100 attempts do not exceed, to 1 %, over all workers: a wait lasts from due to start.
    """
    from jobctl.errors import UsageError
    from jobctl.names import did_you_mean
    from jobctl_cli import session
    from jobctl_cli.screens import stats as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    found = session.inspecting(env, plan, lambda inspector: inspector.stats(days=min(days, 90)))
    if queue is not None and queue not in found.now:
        hint = did_you_mean(queue, found.now) or "queues: " + ", ".join(found.now)
        raise UsageError(f"there is no queue `{queue}`", code="queue.unknown", hint=hint)
    screen.show(env, output, plan, found, queue)
