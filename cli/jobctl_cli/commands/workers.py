"""`jobctl workers`: list the workers; let them be quiet, serve again, or stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.flags import Output, SpecPath, duration, reads

if TYPE_CHECKING:
    from jobctl.inspector import Inspector, WorkerStatus
    from jobctl.inspector.fleet import Settled
    from jobctl.worker.orders import Order
    from jobctl_cli.environment import Environment

LIST_EXAMPLES = """
    jobctl workers list
    jobctl workers list --jobs                   # and what each of them runs, with its lease
    jobctl workers list web-1                    # those of one host, with their jobs
    jobctl workers list -o json
"""
QUIET_EXAMPLES = """
    jobctl workers quiet 4f1c09a2d3b1
    jobctl workers quiet --all --wait            # before a deploy: nothing runs any more
"""
RESUME_EXAMPLES = """
    jobctl workers resume --all
"""
STOP_EXAMPLES = """
    jobctl workers stop web-1                    # all workers of a host
    jobctl workers stop web-1:4711 --wait
    jobctl workers stop --all --now --yes        # hand the running jobs back at once
"""

Names = Annotated[
    list[str] | None, typer.Argument(metavar="WORKER", help="Workers: by id or its beginning, HOST, or HOST:PID")
]
All = Annotated[bool, typer.Option("--all", help="All workers that report themselves now")]
Wait = Annotated[bool, typer.Option("--wait", help="Until their running jobs have ended too")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="DURATION", callback=reads(duration), help="Wait at most so long")
]
ANSWER_S = 10.0
ENDED_S = 300.0


def group() -> typer.Typer:
    """Return the commands about workers."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="List workers; quiet, resume and stop them.")
    app.command("list", cls=Command, epilog=LIST_EXAMPLES)(list_)
    app.command("quiet", cls=Command, epilog=QUIET_EXAMPLES)(quiet)
    app.command("resume", cls=Command, epilog=RESUME_EXAMPLES)(resume)
    app.command("stop", cls=Command, epilog=STOP_EXAMPLES)(stop)
    return app


def list_(
    ctx: typer.Context,
    names: Names = None,
    *,
    jobs: Annotated[bool, typer.Option("--jobs", help="Also what they run, with the leases")] = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """List the workers that reported themselves in the last 20 s: hosts, versions, specs, what they run.

    SPEC is the fingerprint of the plan a worker serves: workers of one deploy have the same. LEASE is how long a job
    stays its worker's without a renewal; it is renewed every third of it.
    """
    from jobctl_cli import session
    from jobctl_cli.screens import workers as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)

    async def ask(inspector: Inspector) -> tuple[list[WorkerStatus], dict[Any, Any]]:
        fleet = inspector.fleet
        found = await (fleet.find(names) if names else fleet.workers())
        return found, await fleet.leases(found)

    found, leases = session.inspecting(env, plan, ask)
    screen.show(env, output, plan, found, leases, with_jobs=jobs or bool(names))


def quiet(
    ctx: typer.Context,
    names: Names = None,
    *,
    everyone: All = False,
    wait: Wait = False,
    timeout: Timeout = ENDED_S,
    output: Output = "table",
) -> None:
    """Let workers claim no more jobs; what they run goes on, and so do the schedules.

    It takes effect within a second, and lasts until `jobctl workers resume` or the worker's end.
    """
    from jobctl.worker.orders import Order

    _tell(ctx, names, Order.QUIET, everyone=everyone, wait=wait, timeout=timeout, output=output)


def resume(ctx: typer.Context, names: Names = None, *, everyone: All = False, output: Output = "table") -> None:
    """Let quiet workers claim jobs again."""
    from jobctl.worker.orders import Order

    _tell(ctx, names, Order.SERVE, everyone=everyone, wait=False, timeout=ENDED_S, output=output)


def stop(
    ctx: typer.Context,
    names: Names = None,
    *,
    everyone: All = False,
    now: Annotated[bool, typer.Option("--now", help="Without the grace: hand the running jobs back at once")] = False,
    wait: Wait = False,
    yes: Yes = False,
    timeout: Timeout = ENDED_S,
    output: Output = "table",
) -> None:
    """Stop workers as SIGTERM does: no more claims, the grace for what runs, the rest is handed back.

    No retry is spent, and a supervisor (`jobctl run --processes`) starts no other in their place. What runs jobctl
    itself (systemd, Kubernetes) may: the exit code is 0, so `Restart=on-failure` leaves it stopped.
    """
    from jobctl.worker.orders import Order

    order = Order.STOP_NOW if now else Order.STOP
    _tell(ctx, names, order, everyone=everyone, wait=wait, timeout=timeout, output=output, asks=everyone and not yes)


def _tell(
    ctx: typer.Context,
    names: list[str] | None,
    order: Order,
    *,
    everyone: bool,
    wait: bool,
    timeout: float,
    output: str,
    asks: bool = False,
) -> None:
    from jobctl.errors import UsageError
    from jobctl_cli import session
    from jobctl_cli.confirming import confirm
    from jobctl_cli.screens import workers as screen
    from jobctl_cli.text import plural

    env: Environment = ctx.obj
    if bool(names) == everyone:
        raise UsageError(
            f"`{ctx.command_path}` needs workers, or `--all`"
            if not names
            else "workers and `--all` exclude each other",
            code="usage.missing" if not names else "usage",
            hint="`jobctl workers list` shows them",
        )

    async def ask(inspector: Inspector) -> tuple[list[WorkerStatus], Settled]:
        fleet = inspector.fleet
        chosen = await (fleet.workers() if everyone else fleet.find(names or ()))
        if asks and chosen:
            count = plural(len(chosen), "worker")
            confirm(env, f"stop {count}", refusal=f"{count} would be stopped")
        await fleet.tell(chosen, order)
        patience_s = timeout if wait else min(timeout, ANSWER_S)
        return chosen, await fleet.settle(chosen, order, ended=wait, timeout_s=patience_s)

    chosen, settled = session.inspecting(env, None, ask)
    raise typer.Exit(screen.show_told(env, output, chosen, settled))
