"""Why an isolated job did not succeed. The text of each is the whole account: what happened did so elsewhere."""

from __future__ import annotations

from jobctl.errors import JobctlError


class IsolatedFailure(JobctlError):
    """An isolated attempt failed."""

    code = "job.isolated"


class HandlerRaised(IsolatedFailure):
    """The handler raised. The text is its traceback.

    Attributes:
        name: class of the exception, e.g. ``ValueError``.
    """

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


class ProcessDied(IsolatedFailure):
    """The process ended under the job: it crashed, or something killed it.

    Attributes:
        exit_code: what it exited with; a negative number is the signal that ended it.
    """

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class ProcessNotStarted(IsolatedFailure):
    """No process could be started for the job."""
