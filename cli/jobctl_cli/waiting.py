"""`--wait`: see a job end, and print what it returned."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobctl.durations import format_elapsed
from jobctl.errors import JobFailed, WaitTimeout
from jobctl.records import JobRecord, JobState
from jobctl_cli import session
from jobctl_cli.errors import paint
from jobctl_cli.exit_status import ExitStatus
from jobctl_cli.output import as_json, as_yaml
from jobctl_cli.text import gist
from jobctl_cli.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobctl.client import BlockingClient, Enqueued
    from jobctl.compiler.plan import Plan
    from jobctl_cli.environment import Environment
    from jobctl_cli.job_command import Order

PATIENCE_S = 3.0  # after so long a waiting person is told if nobody is there to do the work


def see_it_end(env: Environment, client: BlockingClient, plan: Plan, enqueued: Enqueued, order: Order) -> None:
    """Wait for the job's end and print its result.

    Raises:
        JobFailed: it died or was cancelled.
        WaitTimeout: it did not end in time.
    """
    env.note(f"job {enqueued.key} is in queue {enqueued.queue}; waiting for its end")
    began_at = time.monotonic()
    record = _wait(env, client, plan, enqueued, order.wait_timeout_s)
    if record.state is not JobState.COMPLETE:
        reason = gist(View(plan).shown(record).error or "") or "it gave no reason"
        error = JobFailed(
            f"`{order.job}` ended {record.state} after {_attempts(record)}: {reason}",
            hint=f"`jobctl inspect {record.key}` shows its whole history",
        )
        error.exit_code = ending([record])
        raise error
    env.note(f"{order.job} is complete after {format_elapsed(time.monotonic() - began_at)}")
    show_result(env, order.output, record)


def ending(records: Iterable[JobRecord]) -> ExitStatus:
    """Return the exit code for jobs that have ended: the worst of their outcomes."""
    states = {record.state for record in records}
    if JobState.DEAD in states:
        return ExitStatus.FAILED
    return ExitStatus.CANCELLED if JobState.CANCELLED in states else ExitStatus.OK


def show_result(env: Environment, output: str, record: JobRecord) -> None:
    """Print what the handler returned: a text as it is, anything else as JSON; nothing for nothing."""
    match output:
        case "name":
            env.print(record.key)
        case "yaml":
            env.print(as_yaml(record.result))
        case "table" if record.result is None:
            return
        case "table" if isinstance(record.result, str):
            env.print(record.result)
        case _:
            env.print(as_json(record.result))


def _wait(
    env: Environment, client: BlockingClient, plan: Plan, enqueued: Enqueued, timeout_s: float | None
) -> JobRecord:
    if timeout_s is not None and timeout_s <= PATIENCE_S:
        return client.wait(enqueued, timeout=timeout_s)
    try:
        return client.wait(enqueued, timeout=PATIENCE_S)
    except WaitTimeout:
        workers = session.inspecting(env, plan, lambda inspector: inspector.workers())
    if not any(enqueued.queue in worker.queues for worker in workers):
        env.note(paint(f"hint: no worker serves queue {enqueued.queue}; `jobctl run` starts one", env.err))
    return client.wait(enqueued, timeout=None if timeout_s is None else timeout_s - PATIENCE_S)


def _attempts(record: JobRecord) -> str:
    return "1 attempt" if record.attempts == 1 else f"{record.attempts} attempts"
