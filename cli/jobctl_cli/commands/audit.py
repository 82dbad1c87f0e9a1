"""`jobctl audit`: who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.flags import Output, reads, since, whole_number

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl audit                                 # the latest actions
    jobctl audit --since 2h
    jobctl audit --action queue                  # everything done to queues
    jobctl audit --actor ann --action job.replay -o json
"""


def audit(
    ctx: typer.Context,
    *,
    action: Annotated[
        str | None,
        typer.Option("--action", metavar="NAME", help="Only this, e.g. `queue.pause`; `queue` = all on queues"),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="NAME", help="Only what users did whose name begins so")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="NAME", help="Only what was done to this queue, worker or schedule"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", callback=reads(since), help="Only after this time, or the last e.g. `2h`"
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", callback=reads(whole_number(1)), help="At most")] = 50,
    output: Output = "table",
) -> None:
    """Show who did what to jobs, queues, workers and schedules, newest first.

    Every action of an operator is noted in the broker, whatever it was done with; the latest 10,000 are kept. `WHO`
    is the user and host of the command, or what JOBCTL_ACTOR says.
    """
    from jobctl_cli import session
    from jobctl_cli.screens import audit as screen

    env: Environment = ctx.obj

    async def ask(redis: Any) -> list[Any]:
        from jobctl.inspector.audit import read

        since_ms = _since_ms(start, env.clock.time())
        return await read(redis, limit + 1, action=action, actor=actor, target=target, since_ms=since_ms)

    screen.show(env, output, session.asking(env, ask), limit)


def _since_ms(start: Any, now_s: float) -> int:
    if start is None:
        return 0
    return round((now_s - start if isinstance(start, float) else start.timestamp()) * 1000)
