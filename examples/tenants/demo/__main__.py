"""`python -m examples.tenants.demo`: play the story. Exit code 0 if all of it came out as it must, else 1."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType

from examples.tenants.demo.report import Report
from examples.tenants.demo.stage import DemoFailed, open_stage
from examples.tenants.demo.story import Story
from jobctl.errors import JobctlError

INTERRUPTED = 130


def main() -> int:
    """Play the demo; return the exit code."""
    start_s = time.monotonic()
    report = Report()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with open_stage() as stage:
            try:
                Story(stage, report).play()
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
    except KeyboardInterrupt:
        report.failure("interrupted")
        return INTERRUPTED
    except (DemoFailed, JobctlError) as error:
        report.failure(str(error))
        return 1
    report.next_steps()
    report.closing(time.monotonic() - start_s)
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
