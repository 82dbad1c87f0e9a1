"""Workers: a list of them, what they run, and what became of what they were told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobctl.durations import format_elapsed
from jobctl_cli import table
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.moments import ago, iso
from jobctl_cli.output import emit
from jobctl_cli.table import Cell, Column
from jobctl_cli.text import plural

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector import Running, WorkerStatus
    from jobctl.inspector.fleet import Settled
    from jobctl_cli.environment import Environment

FINGERPRINT_SHOWN = 8
Leases = Mapping[tuple[str, str], int | None]
STYLES = {"running": "", "quiet": "yellow", "stopping": "yellow", "stopped": "dim"}
WORKERS = (
    Column("WORKER", least=8),
    Column("HOST", least=8),
    Column("PID", right=True),
    Column("STATE"),
    Column("JOBS", right=True),
    Column("UP", right=True),
    Column("SEEN", right=True),
    Column("QUEUES", least=8),
    Column("VERSION", least=5),
    Column("SPEC"),
)
JOBS = (
    Column("WORKER", least=8),
    Column("KEY", least=8),
    Column("JOB", least=8),
    Column("QUEUE", least=6),
    Column("TRY", right=True),
    Column("RAN", right=True),
    Column("LEASE", right=True),
    Column("NOTE", least=6),
)


def show(
    env: Environment,
    output: str,
    plan: Plan | None,
    workers: Sequence[WorkerStatus],
    leases: Leases,
    *,
    with_jobs: bool,
) -> None:
    """Write the workers, and what they run if asked for; to stderr that specs or versions differ."""
    now_ms = env.clock.time() * 1000

    def render() -> str:
        if not workers:
            return "no workers"
        width = table.screen_width(env)
        blocks = [table.render(WORKERS, [_row(one, now_ms) for one in workers], env.out, width, is_dense=True)]
        rows = [_job(plan, worker, job, leases) for worker in workers for job in worker.running]
        if with_jobs:
            blocks += ["", table.render(JOBS, rows, env.out, width, is_dense=True) if rows else "no running jobs"]
        return "\n".join(blocks)

    data = [_shape(plan, worker, leases) for worker in workers]
    emit(env, output, data, table=render, names=lambda: (worker.id for worker in workers))
    for note in _notes(plan, workers):
        env.note(f"note: {note}")


def show_told(env: Environment, output: str, workers: Sequence[WorkerStatus], settled: Settled) -> ExitStatus:
    """Write what became of an order; return the exit code."""
    states = settled.states
    columns = [Column("WORKER"), Column("HOST", least=8), Column("PID", right=True), Column("STATE")]

    def render() -> str:
        rows: list[list[str | Cell]] = [
            [worker.id, worker.host, str(worker.pid), Cell(states[worker.id], STYLES.get(states[worker.id], ""))]
            for worker in workers
        ]
        return table.render(columns, rows, env.out, table.screen_width(env)) if rows else "no workers"

    data = [{"id": one.id, "host": one.host, "pid": one.pid, "state": states[one.id]} for one in workers]
    emit(env, output, data, table=render, names=lambda: (worker.id for worker in workers))
    if settled.is_done:
        return ExitStatus.OK
    env.note("warning[worker.slow]: not all of them have got there in time; the order stands")
    env.note("hint: `jobctl workers list --jobs` shows what they run; a worker that is away obeys when it is back")
    return ExitStatus.TIMED_OUT


def _row(worker: WorkerStatus, now_ms: float) -> list[str | Cell]:
    return [
        worker.id,
        worker.host,
        str(worker.pid),
        Cell(worker.state, STYLES.get(worker.state, "")),
        f"{worker.active}/{worker.concurrency}",
        ago(worker.started_ms, now_ms),
        ago(worker.seen_ms, now_ms),
        ",".join(worker.queues),
        worker.version,
        worker.fingerprint[:FINGERPRINT_SHOWN] or "-",
    ]


def _job(plan: Plan | None, worker: WorkerStatus, job: Running, leases: Leases) -> list[str | Cell]:
    lease_ms = leases.get((job.queue, job.key))
    return [
        worker.id,
        job.key,
        _name(plan, job.type),
        job.queue,
        str(job.attempt),
        format_elapsed(job.ran_ms / 1000),
        "-" if lease_ms is None else format_elapsed(lease_ms / 1000),
        _note(job, lease_ms),
    ]


def _note(job: Running, lease_ms: int | None) -> str | Cell:
    if lease_ms is None:
        return Cell("has ended", "dim")  # since the worker's report, which is up to 5 s old
    if job.overdue:
        return Cell("past its timeout", "red")
    return "" if job.progress is None else f"{job.progress:.0%}"


def _name(plan: Plan | None, job_type: str) -> str:
    found = plan.by_type.get(job_type) if plan else None
    return found.name if found else job_type


def _notes(plan: Plan | None, workers: Sequence[WorkerStatus]) -> list[str]:
    prints = {worker.fingerprint for worker in workers if worker.fingerprint}
    versions = {worker.version for worker in workers if worker.version}
    notes = []
    if len(versions) > 1:
        notes.append(f"{plural(len(versions), 'version')} of jobctl run: {', '.join(sorted(versions))}")
    if len(prints) > 1:
        notes.append(f"{plural(len(prints), 'different spec')} run; a deploy under way, or a worker left behind")
    elif plan is not None and prints and plan.fingerprint not in prints:
        notes.append("they run another spec than the one here; `jobctl spec plan` shows what differs")
    return notes


def _shape(plan: Plan | None, worker: WorkerStatus, leases: Leases) -> dict[str, Any]:
    return {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "state": worker.state,
        "concurrency": worker.concurrency,
        "active": worker.active,
        "started_at": iso(worker.started_ms),
        "seen_at": iso(worker.seen_ms),
        "clock_skew_ms": worker.skew_ms,
        "queues": dict(worker.queues),
        "scheduling": worker.scheduling,
        "types": list(worker.types),
        "starts": dict(worker.starts),
        "version": worker.version,
        "fingerprint": worker.fingerprint,
        "running": [
            {
                "key": job.key,
                "queue": job.queue,
                "job": _name(plan, job.type),
                "type": job.type,
                "attempt": job.attempt,
                "started_at": iso(job.started_ms),
                "ran_ms": job.ran_ms,
                "lease_ms": leases.get((job.queue, job.key)),
                "progress": job.progress,
                "overdue": job.overdue,
            }
            for job in worker.running
        ],
    }
