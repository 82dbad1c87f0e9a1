"""Handlers that do nothing but end as a scenario says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from jobctl.compiler.handlers import Handler
from jobctl.compiler.payload import PayloadSchema
from jobctl.compiler.plan import Plan
from jobctl.outcomes import Cancel, Dead, RetryAfter
from jobctl.testing.scenarios.model import Outcome
from jobctl.testing.waits import WorkerLost
from jobctl.worker.context import Context

COMPLETE = Outcome(kind="complete")


class Failed(Exception):
    """A run that a scenario made fail."""


class Stage(Protocol):
    """The worker, as far as outcomes need it."""

    def die(self) -> None:
        """Stop dead."""
        ...

    def time_out(self, key: str, limit_s: float) -> None:
        """Say that a job's time is up."""
        ...


class Script:
    """The outcomes of a scenario, and how far each job is in them.

    Args:
        outcomes: job, or name of a given one -> outcomes of its runs; the last repeats.
        names: key -> name, of the jobs that are given.
    """

    def __init__(self, plan: Plan, outcomes: Mapping[str, Sequence[Outcome]], names: Mapping[str, str]) -> None:
        self.plan = plan
        self.stage: Stage
        self._outcomes = outcomes
        self._names = names
        self._runs: Counter[str] = Counter()

    def handlers(self) -> dict[str, Handler]:
        """Return a handler for every job of the plan. The plan's own are not even imported."""
        return {
            job.type: Handler(
                type=job.type,
                function=self._run,
                is_async=True,
                registration=job,
                schema=PayloadSchema(job.name, job.payload),
            )
            for job in self.plan.registrations
        }

    async def _run(self, ctx: Context, /, **_: Any) -> None:
        outcome = self._next(ctx)
        match outcome.kind:
            case "fail":
                raise Failed(outcome.text or "the scenario says so")
            case "dead":
                raise Dead(outcome.text or "the scenario says so")
            case "cancel":
                raise Cancel(outcome.text or "the scenario says so")
            case "retry-after":
                raise RetryAfter(outcome.delay_s, "the scenario says so")
            case "crash":
                self.stage.die()
                raise WorkerLost
            case "timeout":
                self.stage.time_out(ctx.key, self.plan.registration(ctx.type).timeout_s)
                await asyncio.get_running_loop().create_future()

    def _next(self, ctx: Context) -> Outcome:
        for name in (ctx.key, self._names.get(ctx.key, ""), ctx.name, ctx.type):
            if name in self._outcomes:
                run, outcomes = self._runs[ctx.key], self._outcomes[name]
                self._runs[ctx.key] += 1
                return outcomes[min(run, len(outcomes) - 1)]
        return COMPLETE
