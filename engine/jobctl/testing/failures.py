"""What pytest shows of failures: jobctl's own errors with the hint and without its insides, and the jobs that ran."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import jobctl
from jobctl.errors import JobctlError

if TYPE_CHECKING:
    from jobctl.testing.ran import Runs

ENGINE = Path(jobctl.__file__).parent
MOST_SHOWN = 20


class Hints:
    """Lets an error say what to do; of a test shows its own lines, of a fixture that cannot be made none at all."""

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
        """Improve the error that is about to be reported."""
        error = call.excinfo.value if call.excinfo is not None else None
        if call.excinfo is None or not isinstance(error, JobctlError):
            return
        hint = f"hint: {error.hint}" if error.hint else ""
        if call.when == "setup":
            failure = pytest.fail.Exception("\n".join(filter(None, (str(error), hint))), pytrace=False)
            call.excinfo = pytest.ExceptionInfo.from_exception(failure.with_traceback(error.__traceback__))
            return
        if hint and hint not in getattr(error, "__notes__", ()):
            error.add_note(hint)
        if not item.config.getoption("fulltrace"):
            _end_at_project(error, item.config.rootpath)


class Histories:
    """Shows which jobs ran in a test that failed."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add a section to the report."""
        report = yield
        if report.failed and call.when == "call":
            harness = getattr(item, "funcargs", {}).get("jobctl_harness")
            harness = harness or getattr(getattr(item, "instance", None), "harness", None)
            if isinstance(harness, _harness_class()) and harness.history:
                report.sections.append(("Jobs that ran", _told(harness.history)))
        return report


def _harness_class() -> type[Any] | tuple[()]:
    """Return the class of harnesses, or of nothing at all if no test has needed one."""
    module = sys.modules.get("jobctl.testing.harness")
    return () if module is None else module.Harness


def _told(history: Runs) -> str:
    left = len(history) - MOST_SHOWN
    return repr(history[:MOST_SHOWN]) + (f"\nand {left} more" if left > 0 else "")


def _end_at_project(error: JobctlError, root: Path) -> None:
    """Let the traceback end at the last line of the project that is tested, if it has any."""
    last, entry = None, error.__traceback__
    while entry is not None:
        if _is_inside(root, Path(entry.tb_frame.f_code.co_filename)):
            last = entry
        entry = entry.tb_next
    if last is not None:
        last.tb_next = None


def _is_inside(root: Path, file: Path) -> bool:
    return file.is_relative_to(root) and not file.is_relative_to(ENGINE) and "site-packages" not in file.parts
