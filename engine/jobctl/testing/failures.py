"""How pytest shows jobctl's own errors: with the hint, and without what is inside jobctl."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import jobctl
from jobctl.errors import JobctlError

ENGINE = Path(jobctl.__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """Let an error say what to do; of a test show its own lines, of a fixture that cannot be made none at all."""
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
