"""Job records as the command line shows them: by their job's name, without secrets, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobctl.records import Attempt, JobRecord, JobState
from jobctl_cli.moments import iso

if TYPE_CHECKING:
    from jobctl.compiler.plan import Plan
    from jobctl.inspector.detail import JobDetail
    from jobctl.inspector.lines import LogLine

STATE_NAMES = tuple(state.value for state in JobState)


class View:
    """How records are shown.

    A payload is shown as far as a declaration says that it may be: secrets are redacted, and a payload that no spec
    declares is left out, for nobody said what in it is secret.

    Args:
        plan: the declarations, if there are specs.
        reveal: show everything as it is.
    """

    def __init__(self, plan: Plan | None, *, reveal: bool = False) -> None:
        self._plan = plan
        self._reveal = reveal

    def name(self, record: JobRecord) -> str:
        """Return the name of the record's job, or its type where no spec declares it."""
        found = self._plan.by_type.get(record.type) if self._plan else None
        return found.name if found else record.type

    def tags(self, record: JobRecord) -> list[str]:
        """Return the tags of a job, from its spec and its enqueue."""
        found = self._plan.by_type.get(record.type) if self._plan else None
        return sorted({*(found.tags if found else ()), *record.tags})

    def is_declared(self, record: JobRecord) -> bool:
        """Whether the specs declare the record's type."""
        return self._plan is not None and record.type in self._plan.by_type

    def hides_payload(self, record: JobRecord) -> bool:
        """Whether the payload is left out."""
        return bool(record.payload) and not self._reveal and not self.is_declared(record)

    def shown(self, record: JobRecord) -> JobRecord:
        """Return the record as it may be shown."""
        if self._reveal:
            return record
        if self._plan is None or not self.is_declared(record):
            return replace(record, payload={})
        from jobctl.inspector import redact

        return redact(record, self._plan)

    def lines(self, job: JobRecord, lines: Sequence[LogLine]) -> Sequence[LogLine]:
        """Return the lines of a job's log as they may be shown."""
        if self._reveal or self._plan is None:
            return lines
        from jobctl.inspector.redaction import redact_line

        return [redact_line(line, job, self._plan) for line in lines]

    def detailed(self, detail: JobDetail) -> dict[str, Any]:
        """Return a job with its surroundings as plain data."""
        lock = detail.lock
        return {
            **self.shape(detail.record),
            "next_retry_at": iso(detail.record.due_ms) if detail.record.state is JobState.RETRYING else None,
            "position": detail.position,
            "lease": None if detail.lease_ms is None else {"worker": detail.holder, "until": iso(detail.lease_ms)},
            "unique_lock": None
            if lock is None
            else {"key": lock.key, "holder": lock.holder, "expires_at": iso(lock.expires_ms or 0)},
            "forgotten_at": iso(detail.expires_ms or 0),
        }

    def shape(self, record: JobRecord) -> dict[str, Any]:
        """Return the record as plain data: times in ISO 8601, null for what has not happened yet."""
        shown = self.shown(record)
        return {
            "key": shown.key,
            "job": self.name(shown),
            "type": shown.type,
            "queue": shown.queue,
            "state": str(shown.state),
            "payload": None if self.hides_payload(record) else _plain(shown.payload),
            "attempts": shown.attempts,
            "max_attempts": shown.max_attempts,
            "deliveries": shown.deliveries,
            "crashes": shown.crashes,
            "interruptions": shown.interruptions,
            "enqueued_at": iso(shown.enqueued_ms),
            "due_at": iso(shown.due_ms),
            "started_at": iso(shown.started_ms),
            "completed_at": iso(shown.completed_ms),
            "wait_ms": shown.wait_ms,
            "run_ms": shown.run_ms,
            "timeout_s": shown.timeout_s,
            "retention_s": shown.retention_s,
            "progress": shown.progress,
            "result": shown.result,
            "error": shown.error,
            "worker": shown.worker,
            "tags": self.tags(shown),
            "schedule": shown.schedule,
            "origin": shown.origin,
            "replays": list(shown.replays),
            "history": [_attempt(attempt) for attempt in shown.history],
        }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "started_at": iso(attempt.started_ms),
        "at": iso(attempt.at_ms),
        "error": attempt.error,
        "worker": attempt.worker,
    }


def _plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    return dict(payload)
