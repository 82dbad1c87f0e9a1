"""`python -m examples.tenants.demo`: play the story. Exit code 0 if all of it came out as it must, else 1."""

from __future__ import annotations

import sys
import time

from examples.tenants.demo.interrupts import Interrupts
from examples.tenants.demo.report import Report
from examples.tenants.demo.stage import DemoFailed, open_stage
from examples.tenants.demo.story import Story
from jobctl.errors import JobctlError

INTERRUPTED = 130


def main() -> int:
    """Play the demo; return the exit code."""
    start_s = time.monotonic()
    report = Report()
    try:
        with open_stage(Interrupts()) as stage:
            Story(stage, report).play()
    except KeyboardInterrupt:
        report.failure("interrupted")
        return INTERRUPTED
    except (DemoFailed, JobctlError) as error:
        report.failure(str(error))
        return 1
    report.next_steps()
    report.closing(time.monotonic() - start_s)
    return 0


if __name__ == "__main__":
    sys.exit(main())
