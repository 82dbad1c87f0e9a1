"""Every error jobctl raises on purpose: one base, few branches, data in attributes.

A class exists where a caller would react differently; the command line maps each branch to its exit code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a spec file. Lines and columns count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class JobctlError(Exception):
    """Base of all jobctl errors.

    Attributes:
        code: stable, machine-readable name such as ``spec.unknown-queue``.
        exit_code: what the command line exits with when this error ends it.
        hint: what to do about it, one sentence, or None.
        location: place in a spec file, or None.
    """

    code = "jobctl.error"
    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        location: Location | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.location = location
        if code is not None:
            self.code = code


class UsageError(JobctlError):
    """The caller asked for something that cannot be: a wrong option, value or combination."""

    code = "usage"
    exit_code = 2


class SpecError(JobctlError):
    """A job spec cannot be used."""

    code = "spec.invalid"
    exit_code = 3


class HandlerError(SpecError):
    """A handler cannot be imported or does not fit its declaration."""

    code = "spec.handler"


class HookError(JobctlError):
    """A startup hook failed: the worker cannot serve."""

    code = "hook.failed"


class PayloadError(JobctlError):
    """A payload does not match its job's declaration.

    Attributes:
        problems: ``(path, text)`` for every field at fault, e.g. ``("id", "is required")``.
    """

    code = "payload.invalid"
    exit_code = 2

    def __init__(self, job: str, problems: Iterable[tuple[str, str]], *, hint: str | None = None) -> None:
        self.job = job
        self.problems = tuple(problems)
        text = "; ".join(f"`{path}` {problem}" for path, problem in self.problems)
        super().__init__(f"payload of `{job}` is not valid: {text}", hint=hint)


class UnknownJob(JobctlError):
    """No job of this name or type is declared."""

    code = "job.unknown"
    exit_code = 5


class UnknownSchedule(JobctlError):
    """No schedule of this id is declared or stored."""

    code = "schedule.unknown"
    exit_code = 5


class UnknownWorker(JobctlError):
    """No worker of this name has reported itself lately."""

    code = "worker.unknown"
    exit_code = 5


class JobNotFound(JobctlError):
    """The broker holds no job with this key."""

    code = "job.not-found"
    exit_code = 5


class JobStateError(JobctlError):
    """The job exists, but its state does not allow what was asked (e.g. replaying a running job)."""

    code = "job.state"


class DuplicateJob(JobctlError):
    """An enqueue was refused because another job holds its key or its unique lock.

    Attributes:
        holder: key of the job that holds it.
    """

    code = "job.duplicate"

    def __init__(self, message: str, *, holder: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class JobFailed(JobctlError):
    """A job that was waited for ended dead or cancelled."""

    code = "job.failed"


class WaitTimeout(JobctlError):
    """A job that was waited for did not end in time."""

    code = "job.wait-timeout"
    exit_code = 124  # as timeout(1) has it


class BrokerError(JobctlError):
    """The broker answered, but cannot be used as it is."""

    code = "broker.error"
    exit_code = 4


class BrokerUnreachable(BrokerError):
    """No broker answers at the configured address."""

    code = "broker.unreachable"


class NoEmbeddedBroker(BrokerError):
    """No broker is configured and none can be started here."""

    code = "broker.none"


class ThresholdMissed(JobctlError):
    """A measurement missed a threshold it was given."""

    code = "threshold.missed"
    exit_code = 6
