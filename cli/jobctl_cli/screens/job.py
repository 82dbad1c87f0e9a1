"""One job with its whole history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobctl.broker.keys import job_id, split_job_id
from jobctl.durations import format_duration, format_elapsed
from jobctl.inspector.detail import JobDetail
from jobctl.records import Attempt, JobState
from jobctl_cli.moments import ago, clock, until
from jobctl_cli.output import emit
from jobctl_cli.palette import OUTCOMES, STATES
from jobctl_cli.text import gist, harmless, harmless_lines, plural

if TYPE_CHECKING:
    from jobctl_cli.environment import Environment
    from jobctl_cli.view import View

LABEL_COLUMNS = 10
LINE_COLUMNS = 60  # JSON up to here stands beside its label
OUTCOME_TEXTS = {
    "complete": "complete",
    "retry": "failed, to be retried",
    "dead": "failed, dead",
    "cancelled": "cancelled",
    "lost": "its worker was lost",
    "interrupted": "handed back by a shutdown",
}


def show(env: Environment, output: str, view: View, details: Sequence[JobDetail], *, is_full: bool) -> None:
    """Write jobs in the form asked for: one as it is, several as a list.

    Args:
        env: where to.
        output: one of `flags.FORMATS`, or a template.
        view: what may be shown.
        details: the jobs.
        is_full: with the traceback of every attempt, not only of the last one that failed; so has `wide`.
    """
    shapes = [view.detailed(detail) for detail in details]

    def texts(*, is_full: bool) -> str:
        return "\n\n".join(text(env, view, each, is_full=is_full) for each in details)

    emit(
        env,
        output,
        shapes[0] if len(shapes) == 1 else shapes,
        table=lambda: texts(is_full=is_full),
        wide=lambda: texts(is_full=True),
        names=lambda: [detail.record.key for detail in details],
    )


def text(env: Environment, view: View, detail: JobDetail, *, is_full: bool) -> str:
    """Return the job as text for people.

    Args:
        env: for whom.
        view: what may be shown.
        detail: the job, and what stands around it.
        is_full: with the traceback of every attempt.
    """
    return _Screen(env, view, detail, is_full=is_full).text()


class _Screen:
    """The screen being written: facts, payload, result, history, what to do next."""

    def __init__(self, env: Environment, view: View, detail: JobDetail, *, is_full: bool) -> None:
        self._paint = env.out
        self._now_ms = env.clock.time() * 1000
        self._view = view
        self._raw = detail.record
        self._detail = detail
        self._is_full = is_full
        self._record = view.shown(detail.record)
        self._lines: list[str] = []

    def text(self) -> str:
        record = self._record
        state = self._paint(STATES[record.state], record.state)
        self._lines.append(f"{self._paint('bold', harmless(self._view.name(record)))} {harmless(record.key)}  {state}")
        self._lines.append("")
        self._facts()
        self._payload()
        if record.result is not None:
            self._block("result", _json(record.result))
        if record.error and not any(attempt.error == record.error for attempt in record.history):
            self._block("error", harmless_lines(record.error))
        self._history()
        self._next()
        return "\n".join(self._lines)

    def _facts(self) -> None:
        record = self._record
        self._fact("type", record.type)
        self._fact("queue", self._queue())
        self._fact("tags", ", ".join(self._view.tags(record)))
        self._fact("attempts", self._attempts())
        self._moment("enqueued", record.enqueued_ms)
        if record.state in (JobState.SCHEDULED, JobState.RETRYING):
            label = "due" if record.state is JobState.SCHEDULED else "next retry"
            self._fact(label, f"{clock(record.due_ms)}  ({until(record.due_ms, self._now_ms)})")
        waited = f", waited {format_elapsed(record.wait_ms / 1000)}" if record.wait_ms is not None else ""
        self._moment("started", record.started_ms, waited)
        ran = f", ran {format_elapsed(record.run_ms / 1000)}" if record.run_ms is not None else ""
        self._moment("ended", record.completed_ms, ran)
        if record.state is JobState.ACTIVE and record.progress:
            self._fact("progress", f"{record.progress:.0%}")
        self._fact("timeout", format_duration(record.timeout_s) if record.timeout_s else "none")
        self._fact("worker", record.worker)
        self._fact("lease", self._lease())
        self._fact("lock", self._lock())
        if record.state.is_final and self._detail.expires_ms:
            self._fact("forgotten", until(self._detail.expires_ms, self._now_ms))
        self._fact("schedule", record.schedule)
        self._fact("replay of", record.origin)
        self._fact("replays", " ".join(record.replays))

    def _queue(self) -> str:
        detail = self._detail
        ahead = f", {plural(detail.position, 'job')} before it" if detail.position is not None else ""
        return f"{self._record.queue}{ahead}{', paused' if detail.is_paused else ''}"

    def _lease(self) -> str | None:
        lease_ms = self._detail.lease_ms
        if lease_ms is None:
            return None
        by = f" by {self._detail.holder}" if self._detail.holder else ""
        if lease_ms <= self._now_ms:
            return f"held{by}, over"
        return f"held{by}, ends {until(lease_ms, self._now_ms)} unless renewed"

    def _lock(self) -> str | None:
        lock = self._detail.lock
        if lock is None:
            return None
        name = lock.key.removeprefix("jobctl:unique:")
        if lock.holder is None:
            return f"{name}, free"
        own = job_id(self._record.queue, self._record.key)
        by = "held by this job" if lock.holder == own else f"held by {split_job_id(lock.holder)[1]}"
        ends = f", ends {until(lock.expires_ms, self._now_ms)}" if lock.expires_ms else ""
        return f"{name}, {by}{ends}"

    def _attempts(self) -> str:
        record = self._record
        running = record.state is JobState.ACTIVE
        parts = [f"{record.attempts + running} of {record.max_attempts}"]
        if record.crashes:
            parts.append(f"worker lost {record.crashes} x")
        if record.interruptions:
            parts.append(f"handed back {record.interruptions} x")
        return ", ".join(parts)

    def _payload(self) -> None:
        if self._view.hides_payload(self._raw):
            self._fact("payload", "hidden: no spec declares this type (`--spec`, or `--reveal`)")
        elif self._record.payload:
            self._block("payload", _json(dict(self._record.payload)))

    def _history(self) -> None:
        if not self._record.history:
            return
        self._lines += ["", self._paint("bold", "History")]
        failed = [attempt for attempt in self._record.history if attempt.error]
        for attempt in self._record.history:
            self._lines.append("  " + self._headline(attempt))
            if attempt.error:
                is_whole = self._is_full or attempt is failed[-1]
                told = harmless_lines(attempt.error) if is_whole else [gist(attempt.error)]
                self._lines += [self._paint("dim", f"      {line}") for line in told]
        self._last()

    def _last(self) -> None:
        """Add the attempt that runs, or the one that went well: only failed ones are kept in a record's history."""
        record = self._record
        if record.state is JobState.ACTIVE:
            self._lines.append(f"  {clock(record.started_ms)}  attempt {record.attempts + 1}: runs")
        elif record.state is JobState.COMPLETE and record.history[-1].outcome != "complete":
            self._lines.append(
                "  "
                + self._headline(
                    Attempt(
                        attempt=record.attempts,
                        outcome="complete",
                        at_ms=record.completed_ms,
                        started_ms=record.started_ms,
                        worker=record.worker,
                    )
                )
            )

    def _headline(self, attempt: Attempt) -> str:
        number = f"attempt {attempt.attempt}: " if attempt.attempt else ""
        what = OUTCOME_TEXTS.get(attempt.outcome, attempt.outcome)
        ran = ""
        if attempt.started_ms and attempt.at_ms:
            ran = f" after {format_elapsed((attempt.at_ms - attempt.started_ms) / 1000)}"
        by = self._paint("dim", f"  on {harmless(attempt.worker)}") if attempt.worker else ""
        return f"{clock(attempt.at_ms)}  {number}{self._paint(OUTCOMES.get(attempt.outcome, ''), what)}{ran}{by}"

    def _next(self) -> None:
        record = self._record
        if record.state is JobState.DEAD and not record.replays:
            self._lines += ["", f"{self._paint('bold green', 'next:')} jobctl replay {harmless(record.key)}"]

    def _fact(self, label: str, value: str | None) -> None:
        if value:
            self._lines.append(f"  {self._paint('dim', label.ljust(LABEL_COLUMNS))} {harmless(value)}")

    def _moment(self, label: str, at_ms: int, more: str = "") -> None:
        if at_ms:
            self._fact(label, f"{clock(at_ms)}  ({ago(at_ms, self._now_ms)} ago{more})")

    def _block(self, label: str, lines: list[str]) -> None:
        if len(lines) == 1:
            self._fact(label, lines[0])
            return
        self._lines += ["", self._paint("bold", label.capitalize()), *(f"  {line}" for line in lines)]


def _json(value: Any) -> list[str]:
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= LINE_COLUMNS:
        return [harmless(text)]
    return harmless_lines(json.dumps(value, indent=2, ensure_ascii=False, default=str))
