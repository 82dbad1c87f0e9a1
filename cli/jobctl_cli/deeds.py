"""Doing something to the jobs that a command names: found, shown, confirmed, done with a bar, told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobctl.errors import JobctlError, UsageError
from jobctl_cli import session
from jobctl_cli.choosing import ASK_ABOVE
from jobctl_cli.confirming import confirm
from jobctl_cli.progress import Progress
from jobctl_cli.screens import deeds as screen
from jobctl_cli.text import plural

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector import Inspector
    from jobctl.inspector.deeds import Deed, Target
    from jobctl_cli.choosing import Choice
    from jobctl_cli.environment import Environment

Act = Callable[["Inspector", "Sequence[Target]", Callable[[Sequence[Any]], None]], Awaitable[object]]
"""Does it, and tells of each batch what became of its jobs."""
Rehearse = Callable[["Inspector", "Sequence[Target]"], Awaitable[Sequence[Any]]]
"""Returns what would become of the jobs."""


@dataclass(kw_only=True)
class Work:
    """One command's work on jobs.

    Attributes:
        deed: what is done.
        asked: the jobs that were named.
        is_dry: nothing is to be changed.
        is_sure: nobody is to be asked.
        before_ms: as `Repair.select` takes it.
        resume: the command that goes on with the work if it is interrupted, or "".
    """

    env: Environment
    plan: Plan | None
    output: str
    deed: Deed
    asked: Choice
    is_dry: bool
    is_sure: bool
    before_ms: int | None = None
    resume: str = ""
    outcomes: list[Any] = field(default_factory=list)
    errors: list[JobctlError] = field(default_factory=list)

    def carry_out(self, act: Act, rehearse: Rehearse | None = None) -> int:
        """Do it, and return the exit code.

        Args:
            act: does it.
            rehearse: finds out what would become of the jobs; None = their states tell.

        Raises:
            UsageError: too many jobs to be dealt with unasked, and nobody to ask.
        """
        session.inspecting(self.env, self.plan, lambda inspector: self._carry_out(inspector, act, rehearse))
        if self.asked.keys:  # each of them stands for itself, and so does what keeps it from being done
            self.errors += [each.error for each in self.outcomes if each.error is not None]
            self.outcomes = [each for each in self.outcomes if each.error is None]
        return screen.show(self.env, self.output, self.plan, self.deed, self.outcomes, self.errors, is_dry=self.is_dry)

    async def _carry_out(self, inspector: Inspector, act: Act, rehearse: Rehearse | None) -> None:
        targets = await self._find(inspector)
        if self.is_dry:
            foreseen = await rehearse(inspector, targets) if rehearse else map(self.deed.foresee, targets)
            self.outcomes = list(foreseen)
            return
        if len(targets) > ASK_ABOVE and not self.is_sure:
            some = plural(len(targets), "job")
            confirm(
                self.env,
                f"{self.deed} {some}",
                refusal=f"{some} would be {self.deed.past}",
                hint="`--yes` does it without a question, `--dry-run` shows them",
            )
        progress = Progress(self.env, self.deed.past, len(targets))

        def tell(batch: Sequence[Any]) -> None:
            self.outcomes += batch
            progress.show(len(self.outcomes))

        try:
            await act(inspector, targets, tell)
        except BaseException:
            progress.stop()
            if self.outcomes:  # a command that is stopped halfway says how far it came
                done = sum(screen.is_done(outcome) for outcome in self.outcomes)
                self.env.note(f"note: {plural(done, 'job')} of {len(targets):,} {self.deed.past} so far")
                if self.resume:
                    self.env.note(f"note: `{self.resume}` goes on with the others")
            raise
        progress.clear()

    async def _find(self, inspector: Inspector) -> Sequence[Target]:
        repair = inspector.repair
        if self.asked.keys:
            found = await repair.named(self.asked.keys)
            self.errors = [each for each in found if isinstance(each, JobctlError)]
            return [each for each in found if not isinstance(each, JobctlError)]
        progress = Progress(self.env, "looked at")
        try:
            return await repair.select(self.deed, self.asked.wanted, before_ms=self.before_ms, tell=progress.of)
        finally:
            progress.clear()


def require_some(command: str, asked: Choice, hint: str) -> None:
    """Make sure that a command was told which jobs: all jobs are never meant by nothing.

    Raises:
        UsageError: it was not.
    """
    if not asked.keys and (asked.wanted is None or asked.wanted.expression is None):
        raise UsageError(f"`jobctl {command}` needs keys, or a filter", code="usage.missing", hint=hint)
