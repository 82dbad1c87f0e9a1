"""`jobctl delete`: remove jobs with everything that is kept of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from jobctl_cli.choosing import Choice, DryRun, Yes, chooses_jobs
from jobctl_cli.flags import Output, SpecPath

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobctl.inspector import Inspector
    from jobctl.inspector.deeds import Change, Target
    from jobctl_cli.environment import Environment

EXAMPLES = """
    jobctl delete 019aaf2c51e7c0d4
    jobctl delete 'state=dead and age>30d' --dry-run
    jobctl delete 'state=complete and type=mail:send' --yes
"""


@chooses_jobs
def delete(
    ctx: typer.Context,
    *,
    asked: Choice,
    dry_run: DryRun = False,
    yes: Yes = False,
    spec: SpecPath = None,
    output: Output = "table",
) -> None:
    """Delete jobs, with their history: those named, or all that match.

    Where a filter names no state, jobs that have ended are meant. A job that waits is taken out of its queue; one that
    runs stays: cancel it first. What is deleted is gone for good, and cannot be replayed.
    """
    from jobctl.inspector.deeds import Deed
    from jobctl_cli import session
    from jobctl_cli.deeds import Work, require_some

    env: Environment = ctx.obj
    require_some("delete", asked, "`jobctl delete 'state=dead and age>30d' --dry-run` shows what could be deleted")
    work = Work(
        env=env,
        plan=session.find_plan(env, spec),
        output=output,
        deed=Deed.DELETE,
        asked=asked,
        is_dry=dry_run,
        is_sure=yes,
    )

    async def act(inspector: Inspector, targets: Sequence[Target], tell: Callable[[Sequence[Change]], None]) -> object:
        return await inspector.repair.delete(targets, wanted=asked.wanted, tell=tell)

    raise typer.Exit(work.carry_out(act))
