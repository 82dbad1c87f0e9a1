"""What a worker of a plan is to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobctl.broker.cycle import LEASE_MS
from jobctl.compiler.handlers import Handler
from jobctl.compiler.plan import Plan
from jobctl.errors import UsageError
from jobctl.spec.model import Isolation
from jobctl.worker.hooks import WorkerHooks

# A worker that cannot reach its broker for so long ends, so that its supervisor may start it elsewhere.
PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What a worker of a plan does beyond what SAQ's arguments say.

    Attributes:
        weights: queue name -> weight, in declared order.
        strict: serve by descending weight.
        lease_ms: life of a lease, renewed every third of it.
        patience_s: seconds without the broker after which the worker ends with exit code 4.
        run_scheduler: fire the plan's schedules from this worker.
    """

    plan: Plan
    handlers: Mapping[str, Handler]
    weights: Mapping[str, int]
    strict: bool = False
    hooks: WorkerHooks = field(default_factory=WorkerHooks)
    lease_ms: int = LEASE_MS
    patience_s: float = PATIENCE_S
    run_scheduler: bool = True


def slot_limits(duties: Duties, concurrency: int) -> list[tuple[int, int | None]]:
    """Return per served queue its reserved slots and its limit.

    Raises:
        UsageError: more slots are reserved than the worker has, or none is left for a queue without any of its own.
    """
    declared = {queue.name: (queue.reserved, queue.max_running) for queue in duties.plan.queues}
    limits = [declared.get(name, (0, None)) for name in duties.weights]
    reserved = sum(slots for slots, _ in limits)
    if reserved > concurrency:
        raise UsageError(
            f"the queues reserve {reserved} slots, and this worker has {concurrency}",
            hint="raise the concurrency, or lower `reserved` in the spec",
            code="queue.reserved",
        )
    bare = [name for name, (slots, _) in zip(duties.weights, limits, strict=True) if not slots]
    if reserved == concurrency and bare:
        raise UsageError(
            f"the queues reserve all {concurrency} slots of this worker, and none is left for `{bare[0]}`",
            hint="raise the concurrency, or lower `reserved` in the spec",
            code="queue.reserved",
        )
    return limits


def needs_session(old: Duties, new: Duties, concurrency: int) -> bool:
    """Whether a worker must begin anew to go from one plan to another: more changes than jobs and schedules."""

    def frame(duties: Duties) -> tuple[Any, ...]:
        hooks = duties.hooks
        queues = (list(duties.weights.items()), duties.strict, slot_limits(duties, concurrency))
        return (*queues, hooks.startup, hooks.shutdown)

    jobs = (*old.plan.registrations, *new.plan.registrations)
    return frame(old) != frame(new) or any(job.isolation is Isolation.PROCESS for job in jobs)
