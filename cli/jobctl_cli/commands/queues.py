"""`jobctl queues`: list queues; pause, resume, purge and drain them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.command import Command, Group
from jobctl_cli.flags import Output, SpecPath, duration, reads, state_names, suggests
from jobctl_cli.view import STATE_NAMES

if TYPE_CHECKING:
    from jobctl.inspector import Inspector, QueueStatus
    from jobctl.inspector.emptying import Drained
    from jobctl_cli.environment import Environment

LIST_EXAMPLES = """
    jobctl queues list
    jobctl queues list -o json
"""
PAUSE_EXAMPLES = """
    jobctl queues pause low
    jobctl queues pause low default
"""
RESUME_EXAMPLES = """
    jobctl queues resume low
"""
PURGE_EXAMPLES = """
    jobctl queues purge low                      # what waits to be started
    jobctl queues purge low --state dead,cancelled --yes
    jobctl queues purge low --state scheduled --dry-run
"""
DRAIN_EXAMPLES = """
    jobctl queues drain critical
    jobctl queues drain low --timeout 10m --pause
"""

Names = Annotated[list[str], typer.Argument(metavar="QUEUE", help="Queues, by name")]
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue")]


def group() -> typer.Typer:
    """Return the commands about queues."""
    app = typer.Typer(cls=Group, rich_markup_mode=None, help="List queues; pause, resume, purge, drain them.")
    app.command("list", cls=Command, epilog=LIST_EXAMPLES)(list_)
    app.command("pause", cls=Command, epilog=PAUSE_EXAMPLES)(pause)
    app.command("resume", cls=Command, epilog=RESUME_EXAMPLES)(resume)
    app.command("purge", cls=Command, epilog=PURGE_EXAMPLES)(purge)
    app.command("drain", cls=Command, epilog=DRAIN_EXAMPLES)(drain)
    return app


def list_(ctx: typer.Context, *, spec: SpecPath = None, output: Output = "table") -> None:
    """List the queues: what waits in them, their weights, whether they are paused."""
    from jobctl_cli import session
    from jobctl_cli.screens import queues as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    screen.show(env, output, session.inspecting(env, plan, lambda inspector: inspector.queues()))


def pause(ctx: typer.Context, names: Names, *, spec: SpecPath = None, output: Output = "table") -> None:
    """Let no worker start jobs of these queues any more; running jobs go on, producers go on.

    It holds for all workers until `jobctl queues resume`, through restarts.
    """
    _change(ctx, names, spec, output, paused=True)


def resume(ctx: typer.Context, names: Names, *, spec: SpecPath = None, output: Output = "table") -> None:
    """Let workers start jobs of these queues again."""
    _change(ctx, names, spec, output, paused=False)


def purge(
    ctx: typer.Context,
    name: Name,
    *,
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            metavar="STATE,...",
            help="Jobs in these states, all but active; may be repeated",
            show_default="queued",
            callback=suggests(STATE_NAMES, reads(state_names)),
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, show how many")] = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Delete the jobs of a queue, with all that is kept of them. It cannot be taken back.

    Those in the queue when it begins; producers go on meanwhile, and what runs is left alone. `jobctl delete` chooses
    by type, age and error instead.
    """
    from jobctl.errors import UsageError
    from jobctl.inspector.emptying import PURGEABLE
    from jobctl.records import JobState
    from jobctl_cli import session
    from jobctl_cli.confirming import confirm
    from jobctl_cli.progress import Progress
    from jobctl_cli.screens import queues as screen
    from jobctl_cli.text import plural

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)
    states = {JobState(each) for text in state or ("queued",) for each in text.split(",")}
    if not states <= PURGEABLE:
        raise UsageError("running jobs cannot be purged", hint=f"`jobctl cancel 'queue={name} and state=active'`")
    deleted = 0

    async def work(inspector: Inspector) -> None:
        await inspector.require_queue(name)
        counts = next(queue.counts for queue in await inspector.queues() if queue.name == name)
        total = sum(counts[each] for each in states)
        what = f"{plural(total, 'job')} of queue `{name}` ({', '.join(each for each in JobState if each in states)})"
        if dry_run:
            env.note(f"note: a dry run; {what} would be deleted")
            return
        if total and not yes:
            confirm(env, f"delete {what}", refusal=f"{what} would be deleted")
        progress = Progress(env, "deleted", total)

        def tell(done: int) -> None:
            nonlocal deleted
            deleted = done
            progress.show(done)

        try:
            await inspector.purge(name, states, tell=tell)
        except BaseException:
            progress.stop()
            if deleted:
                env.note(f"note: {plural(deleted, 'job')} deleted so far")
            raise
        progress.clear()

    session.inspecting(env, plan, work)
    if not dry_run:
        screen.show_purged(env, output, name, states, deleted)


def drain(
    ctx: typer.Context,
    name: Name,
    *,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="DURATION", callback=reads(duration), help="Give up after so long"),
    ] = None,
    pause: Annotated[bool, typer.Option("--pause", help="Pause the queue as soon as it is empty")] = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Wait until nothing is queued or running in a queue any more.

    A queue refuses no jobs, for stock SAQ producers ask nobody: stop the producers first, or it may never be empty.
    With `--pause`, what comes after it was empty waits. Jobs that wait for a time (scheduled, to be retried) are not
    waited for, and told of. Exit code 124 if the time is up; what no worker serves is not waited for.
    """
    from jobctl_cli import session
    from jobctl_cli.countdown import Countdown
    from jobctl_cli.screens import queues as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)

    async def wait(inspector: Inspector) -> Drained:
        countdown = Countdown(env)
        try:
            drained = await inspector.drain(name, timeout_s=timeout, tell=countdown.show)
        finally:
            countdown.clear()
        if pause and drained.is_empty:
            await inspector.pause(name)
        return drained

    drained = session.inspecting(env, plan, wait)
    raise typer.Exit(screen.show_drained(env, output, name, drained, is_paused=pause and drained.is_empty))


def _change(ctx: typer.Context, names: list[str], spec: str | None, output: str, *, paused: bool) -> None:
    from jobctl_cli import session
    from jobctl_cli.screens import queues as screen

    env: Environment = ctx.obj
    plan = session.find_plan(env, spec)

    async def change(inspector: Inspector) -> list[QueueStatus]:
        for name in names:
            changed = await (inspector.pause(name) if paused else inspector.resume(name))
            if not changed:
                env.note(f"note: queue `{name}` was {'paused already' if paused else 'not paused'}")
        return [queue for queue in await inspector.queues() if queue.name in names]

    screen.show(env, output, session.inspecting(env, plan, change))
