"""What the commands of `jobctl test` share: the extra that they need, and silence of what they run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from jobctl.errors import UsageError


def require_hypothesis() -> None:
    """Insist that hypothesis is there.

    Raises:
        UsageError: it is not; the hint says how to get it.
    """
    if find_spec("hypothesis") is None:
        raise UsageError(
            "payloads are made by hypothesis, which is not installed",
            code="usage.missing-extra",
            hint="pip install 'jobctl[testing]'",
        )


@contextmanager
def without_logs() -> Iterator[None]:
    """Let jobctl's own log go nowhere: jobs that fail on purpose are told of in the result."""
    log, silent = logging.getLogger("jobctl"), logging.NullHandler()
    propagates = log.propagate
    log.addHandler(silent)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(silent)
        log.propagate = propagates
