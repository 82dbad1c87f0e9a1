"""What is wrong with a filter, and where."""

from __future__ import annotations

from jobctl.errors import Location, UsageError
from jobctl.spec.diagnostics import Diagnostic


class FilterError(UsageError):
    """A filter cannot be read.

    Attributes:
        text: the filter.
        at: where in it, characters from 0.
        width: characters at fault, at least 1.
        label: a few words for beside the caret, or "".
    """

    code = "filter.invalid"

    def __init__(
        self, message: str, *, text: str, at: int, width: int = 1, label: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.text = text
        self.at = at
        self.width = max(width, 1)
        self.label = label

    @property
    def diagnostic(self) -> Diagnostic:
        """The problem with its line and a caret."""
        before = self.text[: self.at]
        line = before.count("\n")
        return Diagnostic(
            code=self.code,
            message=self.message,
            location=Location("filter", line + 1, self.at - (before.rfind("\n") + 1) + 1),
            hint=self.hint,
            # an empty filter has a line as well, for the caret to stand under
            source=self.text.split("\n")[line] if self.text else "",
            width=self.width,
            label=self.label,
        )
