"""`jobctl cancel`: stop jobs that wait or run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobctl_cli.choosing import Choice, DryRun, Yes, chooses_jobs
from jobctl_cli.flags import Output, SpecPath

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobctl.inspector import Inspector
    from jobctl.inspector.deeds import Change, Target
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl cancel 019aaf2c51e7c0d4
    jobctl cancel 'state=queued and type=mail:send and age>1d' --dry-run
    jobctl cancel --state active --type report:build --reason 'wrong template'
"""


@chooses_jobs
def cancel(
    ctx: typer.Context,
    *,
    asked: Choice,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Kept as the jobs' error")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Cancel jobs that have not ended: those named, or all that match.

    A job that waits is cancelled at once. Of one that runs, the worker is told: its handler is stopped where it next
    waits, and until then it is shown as `cancelling`.
    """
    from jobctl.inspector.deeds import REASON, Deed
    from jobctl_cli import session
    from jobctl_cli.deeds import Work, require_some

    env: Environment = ctx.obj
    require_some("cancel", asked, "`jobctl cancel --state queued --dry-run` shows what could be cancelled")
    work = Work(
        env=env,
        plan=session.find_plan(env, spec),
        output=output,
        deed=Deed.CANCEL,
        asked=asked,
        is_dry=dry_run,
        is_sure=yes,
    )

    async def act(inspector: Inspector, targets: Sequence[Target], tell: Callable[[Sequence[Change]], None]) -> object:
        return await inspector.repair.cancel(targets, reason=reason or REASON, wanted=asked.wanted, tell=tell)

    raise typer.Exit(work.carry_out(act))
