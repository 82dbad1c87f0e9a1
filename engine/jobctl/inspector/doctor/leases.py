"""Leases: active jobs that nobody holds, and handlers that do not end."""

from __future__ import annotations

from jobctl.broker.keys import QueueKeys, split_job_id
from jobctl.durations import format_elapsed
from jobctl.inspector.doctor.case import Case
from jobctl.inspector.doctor.finding import Finding, Severity
from jobctl.inspector.rows import read_rows
from jobctl.inspector.status import Running, WorkerStatus
from jobctl.records import JobState

LATE_MS = 30_000  # a worker finds an ended lease within a second, and a stray of stock SAQ within half a minute
LOOKED_AT = 1_000  # active jobs a queue; more of them have leases, or something else is wrong as well


async def check(case: Case) -> list[Finding]:
    """Look for active jobs without a living lease, and for runs past their timeout."""
    findings = []
    for queue in case.overview.queues:
        keys = await _lost(case, QueueKeys(queue.name)) if queue.counts[JobState.ACTIVE] else []
        if keys:
            findings.append(
                Finding(
                    code="leases.lost",
                    severity=Severity.ERROR,
                    summary=f"{len(keys):,} of the active jobs of queue `{queue.name}` are held by nobody, "
                    f"e.g. `{keys[0]}`",
                    meaning="Their workers are gone, and no worker that serves the queue hands them out again.",
                    remedy="jobctl run  # on any host: it recovers them within seconds",
                    facts={"queue": queue.name, "count": len(keys), "keys": keys[:10]},
                )
            )
    findings += [_overdue(worker, job) for worker in case.overview.workers for job in worker.running if job.overdue]
    return findings


async def _lost(case: Case, of: QueueKeys) -> list[str]:
    """Return the keys of active jobs whose lease ended long ago, or that have none and whose worker is gone."""
    now_ms = case.overview.at_ms
    ids = [one.decode() for one in await case.redis.lrange(of.active, 0, LOOKED_AT - 1)]  # type: ignore[misc]
    if not ids:
        return []
    leases = dict(zip(ids, await case.redis.zmscore(of.leases, ids), strict=True))
    ended = [one for one, lease in leases.items() if lease is not None and lease < now_ms - LATE_MS]
    rows = await read_rows(case.redis, [one for one, lease in leases.items() if lease is None])
    bare = [
        record
        for row in rows
        if (record := row.record()) is not None and max(record.started_ms, record.touched_ms) < now_ms - 2 * LATE_MS
    ]
    pipe = case.redis.pipeline(transaction=False)
    for record in bare:
        pipe.exists(of.worker_info(record.worker or ""))  # a stock SAQ worker holds no leases, and reports itself
    alive = await pipe.execute() if bare else []
    return [split_job_id(one)[1] for one in ended] + [
        record.key for record, lives in zip(bare, alive, strict=True) if not lives
    ]


def _overdue(worker: WorkerStatus, job: Running) -> Finding:
    return Finding(
        code="leases.overdue",
        severity=Severity.WARNING,
        summary=f"job `{job.key}` has outlasted its timeout on {worker.host}, pid {worker.pid}: it runs for "
        f"{format_elapsed(job.ran_ms / 1000)}",
        meaning="Its handler cannot be stopped (a thread, or code that swallows its cancellation); its slot is taken "
        "until it ends.",
        remedy=f"jobctl inspect {job.key}  # then mend the handler, or declare `isolation: process`",
        facts={"key": job.key, "worker": worker.id, "ran_ms": job.ran_ms},
    )
