"""A spec compiled to a plan: shares from weights, attempts from retries, and a fingerprint of what it all means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from jobctl.compiler.alerting import delivery_of, queues_of
from jobctl.compiler.fingerprint import fingerprint
from jobctl.compiler.plan import Plan, QueuePlan, Registration, Schedule
from jobctl.errors import UsageError
from jobctl.names import did_you_mean
from jobctl.spec import Spec, load
from jobctl.spec.model import JobSpec


def load_plan(
    path: str | Path | Sequence[str | Path], *, weights: Mapping[str, int] | None = None, strict: bool = True
) -> Plan:
    """Load a spec and compile it; the arguments are those of `load` and `compile_spec`.

    Raises:
        SpecErrors: the spec has problems.
        UsageError: the weights have.
    """
    return compile_spec(load(path), weights=weights, strict=strict)


def compile_spec(spec: Spec, *, weights: Mapping[str, int] | None = None, strict: bool = True) -> Plan:
    """Compile a spec.

    Args:
        spec: as `jobctl.spec.load` returns it.
        weights: queue name -> weight, instead of the spec's; queues not named keep theirs.
        strict: whether a weight for an undeclared queue is an error. Names from the environment are not strict:
            other programs may share it, and their ``-`` had to be written as ``_``.

    Raises:
        UsageError: a weight below 1, or (strict) for a queue that is not declared.
    """
    queues = queues_of(spec)
    declared = {queue.name: queue.weight for queue in queues}
    declared.update(_overrides(declared, weights or {}, strict=strict))
    total = sum(declared.values())
    plan = Plan(
        queues=tuple(
            QueuePlan(
                name=queue.name,
                weight=declared[queue.name],
                share=declared[queue.name] / total,
                reserved=queue.reserved,
                max_running=queue.max_running,
            )
            for queue in queues
        ),
        scheduling=spec.scheduling,
        registrations=(*(_registration(job) for job in spec.jobs), *delivery_of(spec)),
        schedules=tuple(schedule for job in spec.jobs for schedule in _schedules(job)),
        hooks=spec.hooks,
        alerts=spec.alerts,
        thresholds=spec.thresholds,
    )
    return replace(plan, fingerprint=fingerprint(plan))


def _overrides(declared: Mapping[str, int], weights: Mapping[str, int], *, strict: bool) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for given, weight in weights.items():
        name = given
        if name not in declared and not strict:
            name = next((queue for queue in declared if queue.replace("-", "_") == given), given)
        if name not in declared:
            if not strict:
                continue
            hint = did_you_mean(name, declared) or f"declared queues: {', '.join(f'`{queue}`' for queue in declared)}"
            raise UsageError(f"no queue `{name}` is declared", hint=hint, code="queue.unknown")
        if weight < 1:
            raise UsageError(
                f"the weight of queue `{name}` is {weight}",
                hint="give a whole number of 1 or more",
                code="queue.weight",
            )
        chosen[name] = weight
    return chosen


def _registration(job: JobSpec) -> Registration:
    return Registration(
        name=job.name,
        type=job.type,
        handler=job.handler,
        queue=job.queue,
        summary=job.summary,
        attempts=job.retries + 1,
        timeout_s=job.timeout_s,
        heartbeat_s=job.heartbeat_s,
        retention_s=job.retention_s,
        dead_retention_s=job.dead_retention_s,
        max_crashes=job.max_crashes,
        backoff=job.backoff,
        unique=job.unique,
        payload=job.payload,
        alert=job.alert,
        tags=job.tags,
        isolation=job.isolation,
    )


def _schedules(job: JobSpec) -> list[Schedule]:
    return [
        Schedule(
            id=cron.id,
            job=job.name,
            type=job.type,
            queue=job.queue,
            expression=cron.expression,
            timezone=cron.timezone,
            payload=cron.payload,
            catch_up=cron.catch_up,
            catch_up_window_s=cron.catch_up_window_s,
            overlap=cron.overlap,
            jitter_s=cron.jitter_s,
            start_ms=cron.start_ms,
            end_ms=cron.end_ms,
        )
        for cron in job.cron
    ]
