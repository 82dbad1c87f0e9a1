"""When a job that is waited for has ended. Pure; both clients bring it what they read and hear."""

from __future__ import annotations

from dataclasses import replace

from jobctl.broker.keys import split_job_id
from jobctl.broker.record import read_record
from jobctl.durations import format_elapsed
from jobctl.errors import JobNotFound, WaitTimeout
from jobctl.inspector.rows import Row
from jobctl.records import JobRecord, JobState

POLL_S = 1.0  # a word that was lost costs a second, no more

# SAQ's word for the end of a job -> ours
ENDS = {b"complete": JobState.COMPLETE, b"failed": JobState.DEAD, b"aborted": JobState.CANCELLED}


class Watch:
    """What is known of one job.

    Args:
        job: id of the record.
    """

    def __init__(self, job: str) -> None:
        self.job = job
        self._last: JobRecord | None = None

    def look(self, row: Row, told: bytes | None, *, is_quiet: bool) -> JobRecord | None:
        """Return the job's final record, or None while it goes on.

        Args:
            row: what the broker holds.
            told: the last status that was published, or None.
            is_quiet: nothing has been heard for a while, so that no word is on its way.

        Raises:
            JobNotFound: there is no record, and nothing was heard of how the job ended.
        """
        record = row.record()
        if record is not None:
            self._last = record
            # a job that is being cancelled has not ended before it says when
            return record if record.state.is_final and (record.completed_ms or row.due_ms is None) else None
        if told in ENDS:
            # a job whose record is not kept: what was seen of it last, and how it ended
            return replace(self._last or read_record(self.job, b"{}"), state=ENDS[told])
        if not is_quiet:
            return None
        raise JobNotFound(
            f"the broker holds no job `{split_job_id(self.job)[1]}`",
            hint="it may have ended: its retention says how long its record is kept",
        )

    def too_late(self, after_s: float) -> WaitTimeout:
        """Return the error of a wait that took too long."""
        key = split_job_id(self.job)[1]
        state = f"still {self._last.state}" if self._last is not None else "not there"
        return WaitTimeout(
            f"job `{key}` is {state} after {format_elapsed(after_s)}",
            hint=f"it goes on without you; `jobctl inspect {key}` shows it",
        )
