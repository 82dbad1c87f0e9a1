"""`jobctl replay`: run ended jobs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobctl_cli.choosing import Choice, DryRun, Yes, chooses_jobs
from jobctl_cli.flags import Output, SpecPath, assignment, rate, reads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobctl.inspector import Inspector, Replayed
    from jobctl.inspector.deeds import Target
    from jobctl.inspector.runs import ReplayRun
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl replay 019aaf2c51e7c0d4
    jobctl replay 'state=dead and type=tenant:initialize' --dry-run
    jobctl replay --state dead --newer 1h --rate 50/s
    jobctl replay 'error~"no such tenant"' --set payload.id=7 --to low
    jobctl replay --resume last                  # go on after an interruption
"""


@chooses_jobs
def replay(
    ctx: typer.Context,
    *,
    asked: Choice,
    dry_run: DryRun = False,
    yes: Yes = False,
    at_rate: Annotated[
        float | None,
        typer.Option("--rate", metavar="N/s", help="At most so many jobs a second, or N/m", callback=reads(rate)),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="payload.NAME=VALUE",
            help="Change a field of the payload, checked by the spec; may be repeated",
            callback=reads(assignment),
        ),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="QUEUE", help="Into this queue instead of the same")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replay a job by its key although it has been before")] = False,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="ID|last", help="Go on with a replay that was interrupted")
    ] = None,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Run ended jobs again: those named, or all that match; of those that match, the dead if no state is named.

    A replay is a new job with the payload and the options of the old one, which it names as its origin. No job is
    replayed twice by accident: filters leave out what has been replayed, and a replay that was interrupted, however, is
    gone on with by `--resume`, which leaves out also what has died again since.
    """
    from jobctl.errors import UsageError
    from jobctl.inspector import parse_filter
    from jobctl.inspector.deeds import Deed
    from jobctl.inspector.revision import Revision
    from jobctl_cli import session
    from jobctl_cli.deeds import Work, require_some

    env: Environment = ctx.obj
    run: ReplayRun | None = None
    if resume is not None:
        if asked.keys or asked.wanted is not None or change or to:
            raise UsageError(
                "`--resume` brings its own filter and changes", hint="give `--resume` alone, or with `--rate`"
            )
        run = session.asking(env, _finding(resume))
        asked = Choice(keys=(), wanted=parse_filter(run.wanted))
        at_rate = at_rate or run.rate_per_s
    require_some("replay", asked, "`jobctl replay --state dead --dry-run` shows what could be replayed")
    if force and not asked.keys:
        raise UsageError("`--force` goes with keys only", hint="name the jobs that are to run once more")
    plan = session.find_plan(env, spec)
    changes = run.changes if run else dict(pair.split("=", 1) for pair in change or ())
    revision = Revision(plan, changes, run.queue if run else to)
    if run is None and asked.wanted is not None:
        run = session.asking(env, _beginning(str(asked.wanted), revision, at_rate))
    work = Work(
        env=env,
        plan=plan,
        output=output,
        deed=Deed.REPLAY,
        asked=asked,
        is_dry=dry_run,
        is_sure=yes or resume is not None,
        before_ms=run.at_ms if run else None,
        resume=f"jobctl replay --resume {run.id}" if run else "",
    )

    async def act(
        inspector: Inspector, targets: Sequence[Target], tell: Callable[[Sequence[Replayed]], None]
    ) -> object:
        return await inspector.repair.replay(
            targets, revision=revision, force=force, rate_per_s=at_rate, run=run, tell=tell
        )

    async def rehearse(inspector: Inspector, targets: Sequence[Target]) -> Sequence[Replayed]:
        return await inspector.repair.rehearse_replay(targets, revision=revision, force=force)

    raise typer.Exit(work.carry_out(act, rehearse))


def _finding(name: str) -> Any:
    from jobctl.inspector.runs import find_run

    return lambda redis: find_run(redis, name)


def _beginning(wanted: str, revision: Any, rate_per_s: float | None) -> Any:
    from jobctl.inspector.runs import begin_run

    return lambda redis: begin_run(redis, wanted, queue=revision.queue, changes=revision.changes, rate_per_s=rate_per_s)
